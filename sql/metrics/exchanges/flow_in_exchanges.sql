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
WITH sums AS (
    SELECT profile, day, sum(in_sat) AS value_sat
    FROM exchange_flows
    WHERE exchange = 'all_exchange'
    GROUP BY profile, day
)
SELECT
    metric_days.profile,
    metric_days.day,
    'FlowInEx' || metric_days.unit AS metric,
    CAST(coalesce(sums.value_sat, 0) AS DECIMAL(18, 0)) * metric_days.per_sat AS value
FROM metric_days
LEFT JOIN sums ON sums.profile = metric_days.profile AND sums.day = metric_days.day;
