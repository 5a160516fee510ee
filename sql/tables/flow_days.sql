-- table: flow_days
-- definition: the flows of daily_flows in which a hop takes part, summed over the pools.
--   Materialised: no flow metric asks for a pool, and pairs of pools make
--   most of daily_flows, so that the metric views read this instead.
-- unit: satoshis
-- grain: profile, day, is_coinbase, source hop and exchange, destination hop and exchange
-- source: daily_flows
-- build: by days, from the variable first_day to last_day
CREATE TABLE IF NOT EXISTS flow_days (
    profile VARCHAR NOT NULL,
    day DATE NOT NULL,
    is_coinbase BOOLEAN NOT NULL,
    src_hop TINYINT,
    src_exchange VARCHAR,
    dst_hop TINYINT,
    dst_exchange VARCHAR,
    value_sat BIGINT NOT NULL
);
DELETE FROM flow_days
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day');
INSERT INTO flow_days
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
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day')
    AND (src_hop IS NOT NULL OR dst_hop IS NOT NULL)
GROUP BY profile, day, is_coinbase, src_hop, src_exchange, dst_hop, dst_exchange
ORDER BY profile, day;
