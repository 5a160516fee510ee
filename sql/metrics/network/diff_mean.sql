-- metric: DiffMean
-- name: Difficulty, mean
-- definition: mean difficulty of the day's blocks; NULL on a day without. The same in every
--   profile.
-- unit: difficulty
-- grain: profile, day
-- category: network
-- vendor: Coin Metrics DiffMean
-- source: chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW diff_mean AS
SELECT profile, day, 'DiffMean' AS metric, difficulty_sum / block_count AS value
FROM chain_calendar;
