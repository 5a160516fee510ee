-- table: miner_flow_days
-- definition: miner_flow_txs per day: sum, transactions with an amount > 0 and the ten largest of
--   them together; days without any have no row. Materialised, because a day's number needs each of
--   its transactions: the views of miner flows per day read this.
-- unit: satoshis, transactions
-- grain: profile, day, flow, miner, counterparty
-- source: miner_flow_txs; methodology section 7
-- build: by days, from the variable first_day to last_day
CREATE TABLE IF NOT EXISTS miner_flow_days (
    profile VARCHAR NOT NULL,
    day DATE NOT NULL,
    flow VARCHAR NOT NULL,
    miner VARCHAR NOT NULL,
    counterparty VARCHAR,
    total_sat BIGINT NOT NULL,
    tx_count BIGINT NOT NULL,
    top10_sat BIGINT NOT NULL
);
DELETE FROM miner_flow_days
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day');
INSERT INTO miner_flow_days
SELECT
    profile,
    day,
    flow,
    miner,
    counterparty,
    CAST(sum(value_sat) AS BIGINT),
    count(*),
    CAST(list_sum(max(value_sat, 10)) AS BIGINT)
FROM miner_flow_txs
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day')
GROUP BY profile, day, flow, miner, counterparty
ORDER BY profile, flow, miner, counterparty, day;
