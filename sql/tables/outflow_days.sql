-- table: outflow_days
-- definition: what each miner sent out per day: sum, transactions with an amount > 0 and the ten
--   largest of them together; days without any have no row. Materialised, rebuilt after loading,
--   because a day's number needs each of its transactions: the view miner_outflow reads this
--   instead of transfer_facts.
-- unit: satoshis, transactions
-- grain: profile, day, miner (a pool, or all_miner)
-- source: transfer_facts, attributes; methodology section 7. An address has a pool if, and only if,
--   it has a hop (sql/checks/attributes_distinct.sql).
CREATE OR REPLACE TABLE outflow_days AS
WITH sent AS (
    SELECT
        facts.profile,
        facts.day,
        facts.height,
        facts.tx_index,
        facts.value_sat,
        source.pool AS src_pool,
        destination.pool AS dst_pool
    FROM transfer_facts AS facts
    JOIN attributes AS source ON source.code = facts.src
    JOIN attributes AS destination ON destination.code = facts.dst
    WHERE source.hop IS NOT NULL
),
outflows AS (
    SELECT profile, day, src_pool AS miner, CAST(sum(value_sat) AS BIGINT) AS value_sat
    FROM sent
    WHERE dst_pool IS DISTINCT FROM src_pool
    GROUP BY profile, day, height, tx_index, src_pool
    UNION ALL
    SELECT profile, day, 'all_miner' AS miner, CAST(sum(value_sat) AS BIGINT) AS value_sat
    FROM sent
    WHERE dst_pool IS NULL
    GROUP BY profile, day, height, tx_index
)
SELECT
    profile,
    day,
    miner,
    CAST(sum(value_sat) AS BIGINT) AS total_sat,
    count(*) AS tx_count,
    CAST(list_sum(max(value_sat, 10)) AS BIGINT) AS top10_sat
FROM outflows
WHERE value_sat > 0
GROUP BY profile, day, miner
ORDER BY profile, day, miner;
