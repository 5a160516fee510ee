-- metric: FlowIn{X}{U}
-- name: Flow, in to {exchange} ({U})
-- definition: what came into addresses of {exchange}, each transaction's receipts and payments
--   netted.
-- unit: {U}
-- grain: profile, day
-- category: exchange flows
-- vendor: Coin Metrics FlowIn{X}{U}
-- source: exchange_flows, exchange_codes, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW flow_in_exchange AS
SELECT
    metric_days.profile,
    metric_days.day,
    'FlowIn' || codes.code || metric_days.unit AS metric,
    at_price(coalesce(flows.in_sat, 0), metric_days.per_sat) AS value
FROM metric_days
CROSS JOIN exchange_codes AS codes
LEFT JOIN exchange_flows AS flows
    ON flows.profile = metric_days.profile
    AND flows.day = metric_days.day
    AND flows.exchange = codes.exchange;
