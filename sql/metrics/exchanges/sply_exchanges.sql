-- metric: SplyEx{U}
-- name: Supply, exchanges ({U})
-- definition: balances of all addresses of any exchange after the day's last block; NULL where
--   the indexed range does not start at genesis.
-- unit: {U}
-- grain: profile, day
-- category: exchange supply
-- vendor: Coin Metrics SplyEx{U}
-- source: exchange_supply, metric_days, days
-- since: 0.1
CREATE OR REPLACE VIEW sply_exchanges AS
WITH sums AS (
    SELECT profile, height, sum(balance_sat) AS balance_sat
    FROM exchange_supply
    GROUP BY profile, height
)
SELECT
    metric_days.profile,
    metric_days.day,
    'SplyEx' || metric_days.unit AS metric,
    CASE WHEN (SELECT min(first_height) FROM days) = 0 THEN
        at_price(coalesce(sums.balance_sat, 0), metric_days.per_sat)
    END AS value
FROM metric_days
LEFT JOIN sums
    ON sums.profile = metric_days.profile AND sums.height = metric_days.last_height;
