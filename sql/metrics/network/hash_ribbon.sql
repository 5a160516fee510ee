-- metric: HashRibbon{D}d
-- name: Hash ribbon, {D} days
-- definition: mean of HashRate over those of the last {D} calendar days, this day included, that
--   have one; NULL until {D} days are full. The same in every profile.
-- unit: TH/s
-- grain: profile, day
-- choices: D 30 60
-- category: network
-- vendor: Glassnode indicators/hash_ribbon
-- source: hash_rate
-- since: 0.1
CREATE OR REPLACE VIEW hash_ribbon AS
SELECT
    hash_rate.profile,
    hash_rate.day,
    'HashRibbon' || ribbons.d || 'd' AS metric,
    CASE WHEN count(*) OVER days = ribbons.d THEN avg(hash_rate.value) OVER days END AS value
FROM hash_rate
CROSS JOIN (VALUES (30), (60)) AS ribbons (d)
WINDOW days AS (
    PARTITION BY hash_rate.profile, ribbons.d
    ORDER BY hash_rate.day
    ROWS BETWEEN ribbons.d - 1 PRECEDING AND CURRENT ROW
);
