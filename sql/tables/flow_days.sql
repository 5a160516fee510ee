-- table: flow_days
-- definition: the flows of daily_flows in which a hop takes part, summed over the pools.
--   Materialised, rebuilt after loading: no flow metric asks for a pool, and pairs of pools make
--   most of daily_flows, so that the metric views read this instead.
-- unit: satoshis
-- grain: profile, day, is_coinbase, source hop and exchange, destination hop and exchange
-- source: daily_flows
CREATE OR REPLACE TABLE flow_days AS
SELECT
    profile,
    day,
    is_coinbase,
    src_hop,
    src_exchange,
    dst_hop,
    dst_exchange,
    CAST(sum(value_sat) AS BIGINT) AS value_sat
FROM daily_flows
WHERE src_hop IS NOT NULL OR dst_hop IS NOT NULL
GROUP BY profile, day, is_coinbase, src_hop, src_exchange, dst_hop, dst_exchange
ORDER BY profile, day;
