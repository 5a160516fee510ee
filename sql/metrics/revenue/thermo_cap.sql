-- metric: ThermoCap
-- name: Thermocap (USD)
-- definition: what the issued coins were worth on their days, all days together: the sum of
--   IssTotUSD up to this day. Days before the first price count nothing; NULL before it, after a
--   later day without price, and where the indexed range does not start at genesis. The same in
--   every profile.
-- unit: USD
-- grain: profile, day
-- category: mining revenue
-- vendor: Glassnode mining/thermocap
-- source: iss_tot, chain_calendar, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW thermo_cap AS
WITH days AS (
    SELECT
        iss_tot.profile,
        iss_tot.day,
        chain.from_genesis,
        coalesce(iss_tot.value, 0 * metric_days.per_sat) AS value
    FROM iss_tot
    JOIN chain_calendar AS chain ON chain.profile = iss_tot.profile AND chain.day = iss_tot.day
    JOIN metric_days
        ON metric_days.profile = iss_tot.profile AND metric_days.day = iss_tot.day
        AND metric_days.unit = 'USD'
    WHERE iss_tot.metric = 'IssTotUSD'
),
sums AS (
    SELECT
        profile,
        day,
        from_genesis,
        sum(value) OVER so_far AS total,
        count(value) OVER so_far AS priced_days,
        day - min(CASE WHEN value IS NOT NULL THEN day END) OVER so_far + 1 AS days
    FROM days
    WINDOW so_far AS (PARTITION BY profile ORDER BY day ROWS UNBOUNDED PRECEDING)
)
SELECT
    profile,
    day,
    'ThermoCap' AS metric,
    CASE WHEN from_genesis AND priced_days = days THEN CAST(total AS DECIMAL(38, 18)) END AS value
FROM sums;
