-- metric: PuellMultiple
-- name: Puell multiple, issuance
-- definition: IssTotUSD over its mean of the last 365 calendar days, this day included, those
--   without blocks as 0; NULL until they are full, where one has no price or all are 0. The same in
--   every profile.
-- unit: ratio
-- grain: profile, day
-- category: mining revenue
-- vendor: CryptoQuant btc/network-indicator/puell-multiple puell_multiple
-- source: iss_tot, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW puell_multiple AS
WITH days AS (
    SELECT iss_tot.profile, iss_tot.day, coalesce(iss_tot.value, 0 * metric_days.per_sat) AS value
    FROM iss_tot
    JOIN metric_days
        ON metric_days.profile = iss_tot.profile AND metric_days.day = iss_tot.day
        AND metric_days.unit = 'USD'
    WHERE iss_tot.metric = 'IssTotUSD'
)
SELECT
    profile,
    day,
    'PuellMultiple' AS metric,
    CASE WHEN count(value) OVER year = 365 THEN
        CAST(value AS DOUBLE) * 365 / nullif(CAST(sum(value) OVER year AS DOUBLE), 0)
    END AS value
FROM days
WINDOW year AS (PARTITION BY profile ORDER BY day ROWS 364 PRECEDING);
