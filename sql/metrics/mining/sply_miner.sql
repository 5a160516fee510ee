-- metric: SplyMiner{N}HopAll{U}
-- name: Supply, miners, {N} hop ({U})
-- definition: balances of all addresses within {N} hops of a coinbase after the day's last block,
--   the genesis coinbase counted; NULL where the indexed range does not start at genesis.
-- unit: {U}
-- grain: profile, day
-- category: mining supply
-- vendor: Coin Metrics SplyMiner{N}HopAll{U}
-- source: supply, calendar; methodology section 7
-- since: 0.1
CREATE OR REPLACE VIEW sply_miner AS
SELECT
    metric_days.profile,
    metric_days.day,
    'SplyMiner' || hops.n || 'HopAll' || metric_days.unit AS metric,
    at_price(CASE hops.n WHEN 0 THEN supply.hop0_sat ELSE supply.hop1_sat END, metric_days.per_sat) AS value
FROM metric_days
CROSS JOIN (VALUES (0), (1)) AS hops (n)
LEFT JOIN supply
    ON supply.profile = metric_days.profile AND supply.height = metric_days.last_height;
