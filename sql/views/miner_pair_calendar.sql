-- view: miner_pair_calendar
-- definition: the flows to_exchange, from_exchange and to_miner of miner_flow_days on every final
--   calendar day from the first on which something moved between the two, zero where nothing moved.
--   The mean is NULL without a transaction, USD without a price.
-- unit: satoshis, transactions, BTC, US dollars
-- grain: profile, day, miner, counterparty, flow
-- source: metric_days, miner_flow_days; methodology section 7
CREATE OR REPLACE VIEW miner_pair_calendar AS
WITH pairs AS (
    SELECT profile, flow, miner, counterparty, min(day) AS first_day
    FROM miner_flow_days
    WHERE counterparty IS NOT NULL
    GROUP BY profile, flow, miner, counterparty
)
SELECT
    metric_days.profile,
    metric_days.day,
    pairs.miner,
    pairs.counterparty,
    pairs.flow,
    coalesce(moved.total_sat, 0) AS total_sat,
    in_btc(coalesce(moved.total_sat, 0)) AS total_btc,
    at_price(coalesce(moved.total_sat, 0), metric_days.per_sat) AS total_usd,
    coalesce(moved.tx_count, 0) AS tx_count,
    moved.total_sat / moved.tx_count / 1e8 AS mean_btc,
    moved.total_sat / moved.tx_count * metric_days.per_sat AS mean_usd
FROM pairs
JOIN metric_days ON metric_days.profile = pairs.profile AND metric_days.day >= pairs.first_day
LEFT JOIN miner_flow_days AS moved
    ON moved.profile = pairs.profile
    AND moved.day = metric_days.day
    AND moved.flow = pairs.flow
    AND moved.miner = pairs.miner
    AND moved.counterparty = pairs.counterparty
WHERE metric_days.unit = 'USD';
