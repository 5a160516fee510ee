-- table: daily_flows
-- definition: transfers summed per day.
-- unit: satoshis, transactions
-- grain: profile, day, is_coinbase, source attributes, destination attributes
-- source: transfer_facts, quiet_flow_runs, attributes; methodology section 6. No two codes name the
--   same attributes and transfer_facts has a row per transaction and pair of codes, so that its
--   rows count transactions (sql/checks/attributes_distinct.sql,
--   sql/checks/amounts_not_negative.sql).
-- build: by days, from the variable first_day to last_day
DELETE FROM daily_flows
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day');
INSERT INTO daily_flows (
    profile, day, is_coinbase, src_hop, src_pool, src_exchange, dst_hop, dst_pool, dst_exchange,
    value_sat, tx_count
)
WITH parts AS (
    SELECT profile, day, is_coinbase, src, dst, value_sat, 1 AS tx_count
    FROM transfer_facts
    WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day')
    UNION ALL
    SELECT profile, day, is_coinbase, src, dst, value_sat, tx_count
    FROM quiet_flow_runs
    WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day')
),
sums AS (
    SELECT
        profile,
        day,
        is_coinbase,
        src,
        dst,
        CAST(sum(value_sat) AS BIGINT) AS value_sat,
        CAST(sum(tx_count) AS BIGINT) AS tx_count
    FROM parts
    GROUP BY profile, day, is_coinbase, src, dst
)
SELECT
    sums.profile,
    sums.day,
    sums.is_coinbase,
    source.hop,
    source.pool,
    source.exchange,
    destination.hop,
    destination.pool,
    destination.exchange,
    sums.value_sat,
    sums.tx_count
FROM sums
LEFT JOIN attributes AS source ON source.code = sums.src
JOIN attributes AS destination ON destination.code = sums.dst
ORDER BY sums.profile, sums.day, sums.is_coinbase, sums.src, sums.dst;
