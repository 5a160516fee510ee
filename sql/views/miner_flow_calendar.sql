-- view: miner_flow_calendar
-- definition: the flows inflow, outflow and in_house of miner_flow_days on every final calendar
--   day for each miner, zero where nothing moved. The mean is NULL without a transaction, USD
--   without a price.
-- unit: satoshis, transactions, BTC, US dollars
-- grain: profile, day, miner, flow
-- source: metric_days, miners, miner_flow_days; methodology section 7
CREATE OR REPLACE VIEW miner_flow_calendar AS
SELECT
    metric_days.profile,
    metric_days.day,
    miners.miner,
    kinds.flow,
    coalesce(moved.total_sat, 0) AS total_sat,
    in_btc(coalesce(moved.total_sat, 0)) AS total_btc,
    at_price(coalesce(moved.total_sat, 0), metric_days.per_sat) AS total_usd,
    coalesce(moved.tx_count, 0) AS tx_count,
    moved.total_sat / moved.tx_count / 1e8 AS mean_btc,
    moved.total_sat / moved.tx_count * metric_days.per_sat AS mean_usd,
    coalesce(moved.top10_sat, 0) AS top10_sat,
    in_btc(coalesce(moved.top10_sat, 0)) AS top10_btc,
    at_price(coalesce(moved.top10_sat, 0), metric_days.per_sat) AS top10_usd
FROM metric_days
JOIN miners ON miners.profile = metric_days.profile
CROSS JOIN (VALUES ('inflow'), ('outflow'), ('in_house')) AS kinds (flow)
LEFT JOIN miner_flow_days AS moved
    ON moved.profile = metric_days.profile
    AND moved.day = metric_days.day
    AND moved.flow = kinds.flow
    AND moved.miner = miners.miner
WHERE metric_days.unit = 'USD';
