-- metric: FlowInEx{U}
-- name: Flow, in to exchanges ({U})
-- definition: what came into addresses of any exchange, each transaction's receipts and payments
--   of an exchange netted, without what moved between exchanges.
-- unit: {U}
-- grain: profile, day
-- category: exchange flows
-- vendor: Coin Metrics FlowInEx{U}
-- source: exchange_flows, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW flow_in_exchanges AS
SELECT
    metric_days.profile,
    metric_days.day,
    'FlowInEx' || metric_days.unit AS metric,
    at_price(coalesce(flows.in_sat, 0), metric_days.per_sat) AS value
FROM metric_days
LEFT JOIN exchange_flows AS flows
    ON flows.profile = metric_days.profile
    AND flows.day = metric_days.day
    AND flows.exchange = 'all_exchange';
