-- metric: FlowMinerNet{N}HopAll{U}
-- name: Flow, miners net, {N} hop ({U})
-- definition: what crossed into the addresses within {N} hops of a coinbase less what crossed out
--   of them: FlowMinerIn{N}HopAll{U} - FlowMinerOut{N}HopAll{U}.
-- unit: {U}
-- grain: profile, day
-- category: mining flows
-- vendor: Coin Metrics FlowMinerNet{N}HopAll{U}
-- source: flow_days; methodology section 7
-- drill: FlowMinerIn{N}HopAll{U} - FlowMinerOut{N}HopAll{U}
-- since: 0.1
CREATE OR REPLACE VIEW flow_miner_net AS
WITH sides AS (
    SELECT
        profile,
        day,
        n,
        value_sat,
        coalesce(src_hop <= n, false) AS from_inside,
        coalesce(dst_hop <= n, false) AS to_inside
    FROM flow_days
    CROSS JOIN (VALUES (0), (1)) AS hops (n)
),
sums AS (
    SELECT profile, day, n, sum(CASE WHEN to_inside THEN value_sat ELSE -value_sat END) AS value_sat
    FROM sides
    WHERE from_inside <> to_inside
    GROUP BY profile, day, n
)
SELECT
    metric_days.profile,
    metric_days.day,
    'FlowMinerNet' || hops.n || 'HopAll' || metric_days.unit AS metric,
    at_price(coalesce(sums.value_sat, 0), metric_days.per_sat) AS value
FROM metric_days
CROSS JOIN (VALUES (0), (1)) AS hops (n)
LEFT JOIN sums
    ON sums.profile = metric_days.profile AND sums.day = metric_days.day AND sums.n = hops.n;
