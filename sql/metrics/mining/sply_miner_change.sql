-- metric: SplyMiner{N}HopAllChg30d{U}
-- name: Supply, miners, {N} hop, change in 30 days ({U})
-- definition: SplyMiner{N}HopAllNtv less what it was 30 calendar days before, NULL in the first
--   30 days; in USD at this day's price.
-- unit: {U}
-- grain: profile, day
-- category: mining supply
-- vendor: Glassnode distribution/balance_miners_change
-- source: supply, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW sply_miner_change AS
WITH held AS (
    SELECT
        metric_days.profile,
        metric_days.day,
        metric_days.unit,
        metric_days.per_sat,
        hops.n,
        CASE hops.n WHEN 0 THEN supply.hop0_sat ELSE supply.hop1_sat END AS held_sat
    FROM metric_days
    CROSS JOIN (VALUES (0), (1)) AS hops (n)
    LEFT JOIN supply
        ON supply.profile = metric_days.profile AND supply.height = metric_days.last_height
)
SELECT
    profile,
    day,
    'SplyMiner' || n || 'HopAllChg30d' || unit AS metric,
    at_price(held_sat - lag(held_sat, 30) OVER days, per_sat) AS value
FROM held
WINDOW days AS (PARTITION BY profile, n, unit ORDER BY day);
