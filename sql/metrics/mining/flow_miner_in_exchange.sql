-- metric: FlowMinerIn1HopAll{X}{U}
-- name: Flow, miners in from {exchange}, 1 hop ({U})
-- definition: what addresses within one hop of a coinbase received from addresses of {exchange}.
-- unit: {U}
-- grain: profile, day
-- category: mining flows
-- vendor: Coin Metrics FlowMinerIn1HopAll{X}{U}
-- source: flow_days, exchange_codes; methodology section 7
-- drill: transfers WHERE NOT is_coinbase AND src_exchange = '{exchange}' AND dst_hop <= 1
-- since: 0.1
CREATE OR REPLACE VIEW flow_miner_in_exchange AS
WITH sums AS (
    SELECT profile, day, src_exchange AS exchange, sum(value_sat) AS value_sat
    FROM flow_days
    WHERE NOT is_coinbase AND src_exchange IS NOT NULL AND dst_hop <= 1
    GROUP BY profile, day, exchange
)
SELECT
    metric_days.profile,
    metric_days.day,
    'FlowMinerIn1HopAll' || codes.code || metric_days.unit AS metric,
    at_price(coalesce(sums.value_sat, 0), metric_days.per_sat) AS value
FROM metric_days
CROSS JOIN exchange_codes AS codes
LEFT JOIN sums
    ON sums.profile = metric_days.profile
    AND sums.day = metric_days.day
    AND sums.exchange = codes.exchange;
