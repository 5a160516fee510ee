-- metric: FlowNet{X}{U}
-- name: Flow, net into {exchange} ({U})
-- definition: FlowIn{X}{U} - FlowOut{X}{U}.
-- unit: {U}
-- grain: profile, day
-- category: exchange flows
-- vendor: Coin Metrics FlowNet{X}{U}
-- source: exchange_flows, exchange_codes, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW flow_net_exchange AS
WITH sums AS (
    SELECT profile, day, exchange, sum(in_sat - out_sat) AS value_sat
    FROM exchange_flows
    GROUP BY profile, day, exchange
)
SELECT
    metric_days.profile,
    metric_days.day,
    'FlowNet' || codes.code || metric_days.unit AS metric,
    CAST(coalesce(sums.value_sat, 0) AS DECIMAL(18, 0)) * metric_days.per_sat AS value
FROM metric_days
CROSS JOIN exchange_codes AS codes
LEFT JOIN sums
    ON sums.profile = metric_days.profile
    AND sums.day = metric_days.day
    AND sums.exchange = codes.exchange;
