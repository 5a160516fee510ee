-- metric: FlowMinerIn{N}HopAll{U}
-- name: Flow, miners in, {N} hop ({U})
-- definition: what addresses within {N} hops of a coinbase received from coinbases and from
--   addresses beyond.
-- unit: {U}
-- grain: profile, day
-- category: mining flows
-- vendor: Coin Metrics FlowMinerIn{N}HopAll{U}
-- source: flow_days; methodology section 7
-- drill: transfers WHERE dst_hop <= {N} AND (is_coinbase OR src_hop > {N} OR src_hop IS NULL)
-- since: 0.1
CREATE OR REPLACE VIEW flow_miner_in AS
WITH sums AS (
    SELECT profile, day, n, sum(value_sat) AS value_sat
    FROM flow_days
    CROSS JOIN (VALUES (0), (1)) AS hops (n)
    WHERE dst_hop <= n AND (is_coinbase OR src_hop > n OR src_hop IS NULL)
    GROUP BY profile, day, n
)
SELECT
    metric_days.profile,
    metric_days.day,
    'FlowMinerIn' || hops.n || 'HopAll' || metric_days.unit AS metric,
    at_price(coalesce(sums.value_sat, 0), metric_days.per_sat) AS value
FROM metric_days
CROSS JOIN (VALUES (0), (1)) AS hops (n)
LEFT JOIN sums
    ON sums.profile = metric_days.profile AND sums.day = metric_days.day AND sums.n = hops.n;
