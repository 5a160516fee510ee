-- table: exchange_flows
-- definition: sums of each transaction's net flow into or out of each exchange, per day. The exchange
--   all_exchange is all of them taken as one, so that what moves between exchanges is left out. What
--   is loaded are sums of runs of blocks.
-- unit: satoshis
-- grain: profile, day, exchange
-- source: exchange_flow_runs
-- build: by days, from the variable first_day to last_day
CREATE TABLE IF NOT EXISTS exchange_flows (
    profile VARCHAR NOT NULL,
    day DATE NOT NULL,
    exchange VARCHAR NOT NULL,
    in_sat BIGINT NOT NULL,
    out_sat BIGINT NOT NULL
);
DELETE FROM exchange_flows
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day');
INSERT INTO exchange_flows
SELECT
    profile,
    day,
    exchange,
    CAST(sum(in_sat) AS BIGINT) AS in_sat,
    CAST(sum(out_sat) AS BIGINT) AS out_sat
FROM exchange_flow_runs
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day')
GROUP BY profile, day, exchange
ORDER BY profile, day, exchange;
