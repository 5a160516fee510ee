-- metric: FlowMinerIn{N}HopAllEx{U}
-- name: Flow, miners in from exchanges, {N} hop ({U})
-- definition: what addresses within {N} hops of a coinbase received from addresses of any
--   exchange.
-- unit: {U}
-- grain: profile, day
-- category: mining flows
-- vendor: Coin Metrics FlowMinerIn{N}HopAllEx{U}
-- source: flow_days; methodology section 7
-- drill: transfers WHERE NOT is_coinbase AND src_exchange IS NOT NULL AND dst_hop <= {N}
-- since: 0.1
CREATE OR REPLACE VIEW flow_miner_in_exchanges AS
WITH sums AS (
    SELECT profile, day, n, sum(value_sat) AS value_sat
    FROM flow_days
    CROSS JOIN (VALUES (0), (1)) AS hops (n)
    WHERE NOT is_coinbase AND src_exchange IS NOT NULL AND dst_hop <= n
    GROUP BY profile, day, n
)
SELECT
    metric_days.profile,
    metric_days.day,
    'FlowMinerIn' || hops.n || 'HopAllEx' || metric_days.unit AS metric,
    at_price(coalesce(sums.value_sat, 0), metric_days.per_sat) AS value
FROM metric_days
CROSS JOIN (VALUES (0), (1)) AS hops (n)
LEFT JOIN sums
    ON sums.profile = metric_days.profile AND sums.day = metric_days.day AND sums.n = hops.n;
