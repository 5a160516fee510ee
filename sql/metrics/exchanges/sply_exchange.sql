-- metric: Sply{X}{U}
-- name: Supply, {exchange} ({U})
-- definition: balances of all addresses of {exchange} after the day's last block; NULL where the
--   indexed range does not start at genesis.
-- unit: {U}
-- grain: profile, day
-- category: exchange supply
-- vendor: Coin Metrics Sply{X}{U}
-- source: exchange_supply, exchange_codes, metric_days, days
-- since: 0.1
CREATE OR REPLACE VIEW sply_exchange AS
SELECT
    metric_days.profile,
    metric_days.day,
    'Sply' || codes.code || metric_days.unit AS metric,
    CASE WHEN (SELECT min(first_height) FROM days) = 0 THEN
        at_price(coalesce(held.balance_sat, 0), metric_days.per_sat)
    END AS value
FROM metric_days
CROSS JOIN exchange_codes AS codes
LEFT JOIN exchange_supply AS held
    ON held.profile = metric_days.profile
    AND held.height = metric_days.last_height
    AND held.exchange = codes.exchange;
