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
-- source: iss_tot, chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW thermo_cap AS
WITH sums AS (
    SELECT
        iss_tot.profile,
        iss_tot.day,
        chain.from_genesis,
        sum(iss_tot.value) OVER so_far AS total,
        count(iss_tot.value) OVER so_far AS priced_days,
        iss_tot.day - min(CASE WHEN iss_tot.value IS NOT NULL THEN iss_tot.day END) OVER so_far + 1
            AS days
    FROM iss_tot
    JOIN chain_calendar AS chain ON chain.profile = iss_tot.profile AND chain.day = iss_tot.day
    WHERE iss_tot.metric = 'IssTotUSD'
    WINDOW so_far AS (PARTITION BY iss_tot.profile ORDER BY iss_tot.day ROWS UNBOUNDED PRECEDING)
)
SELECT
    profile,
    day,
    'ThermoCap' AS metric,
    CASE WHEN from_genesis AND priced_days = days THEN CAST(total AS DECIMAL(38, 18)) END AS value
FROM sums;
