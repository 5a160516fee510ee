-- metric: HashRate
-- name: Hash rate, mean
-- definition: hashes that the difficulty of the day's blocks stands for, 2^32 each per unit of
--   difficulty, per second of the day; NULL on a day without blocks. The same in every profile.
-- unit: TH/s
-- grain: profile, day
-- category: network
-- vendor: Coin Metrics HashRate
-- source: chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW hash_rate AS
SELECT profile, day, 'HashRate' AS metric, difficulty_sum * 4294967296 / 86400 / 1e12 AS value
FROM chain_calendar;
