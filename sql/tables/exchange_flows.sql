-- table: exchange_flows
-- definition: sums of each transaction's net flow into or out of each exchange, per day. The exchange
--   all_exchange is all of them taken as one, so that what moves between exchanges is left out.
--   Materialised, rebuilt after loading: what is loaded are sums of runs of blocks.
-- unit: satoshis
-- grain: profile, day, exchange
-- source: exchange_flow_runs
CREATE OR REPLACE TABLE exchange_flows AS
SELECT
    profile,
    day,
    exchange,
    CAST(sum(in_sat) AS BIGINT) AS in_sat,
    CAST(sum(out_sat) AS BIGINT) AS out_sat
FROM exchange_flow_runs
GROUP BY profile, day, exchange
ORDER BY profile, day, exchange;
