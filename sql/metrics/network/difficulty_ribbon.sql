-- metric: DifficultyRibbon{D}d
-- name: Difficulty ribbon, {D} days
-- definition: mean of DiffMean over those of the last {D} calendar days, this day included, that
--   have one; NULL until {D} days are full. The same in every profile.
-- unit: difficulty
-- grain: profile, day
-- choices: D 9 14 25 40 60 90 128 200
-- category: network
-- vendor: Glassnode indicators/difficulty_ribbon
-- source: diff_mean
-- since: 0.1
CREATE OR REPLACE VIEW difficulty_ribbon AS
SELECT
    diff_mean.profile,
    diff_mean.day,
    'DifficultyRibbon' || ribbons.d || 'd' AS metric,
    CASE WHEN count(*) OVER days = ribbons.d THEN avg(diff_mean.value) OVER days END AS value
FROM diff_mean
CROSS JOIN (VALUES (9), (14), (25), (40), (60), (90), (128), (200)) AS ribbons (d)
WINDOW days AS (
    PARTITION BY diff_mean.profile, ribbons.d
    ORDER BY diff_mean.day
    ROWS BETWEEN ribbons.d - 1 PRECEDING AND CURRENT ROW
);
