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
SELECT
    metric_days.profile,
    metric_days.day,
    'FlowNet' || codes.code || metric_days.unit AS metric,
    at_price(coalesce(flows.in_sat - flows.out_sat, 0), metric_days.per_sat) AS value
FROM metric_days
CROSS JOIN exchange_codes AS codes
LEFT JOIN exchange_flows AS flows
    ON flows.profile = metric_days.profile
    AND flows.day = metric_days.day
    AND flows.exchange = codes.exchange;
