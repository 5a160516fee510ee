-- view: miner_flow_txs
-- definition: what each transaction moved into, out of and within each miner's wallet (the pool's
--   addresses within one hop of its coinbases; all_miner: everyone's), by kind of flow: inflow and
--   outflow: from and to addresses outside the wallet, coinbases among the inflow; in_house: within
--   the wallet, change left out; to_exchange and from_exchange: to and from addresses of the
--   counterparty, an exchange; to_miner: to the wallet of the counterparty, another pool. The
--   counterparties all_exchange and all_miner are all of them together; NULL has none. It stands
--   among the tables because miner_flow_days is made from it.
-- unit: satoshis
-- grain: profile, transaction, flow, miner, counterparty
-- source: transfer_facts, attributes; methodology sections 6 and 7. An address has a pool if, and
--   only if, it has a hop (sql/checks/attributes_distinct.sql).
CREATE OR REPLACE VIEW miner_flow_txs AS
WITH spelled AS (
    SELECT
        facts.profile,
        facts.day,
        facts.height,
        facts.tx_index,
        facts.txid,
        facts.value_sat,
        source.pool AS src_pool,
        source.exchange AS src_exchange,
        destination.pool AS dst_pool,
        destination.exchange AS dst_exchange
    FROM transfer_facts AS facts
    LEFT JOIN attributes AS source ON source.code = facts.src
    JOIN attributes AS destination ON destination.code = facts.dst
),
moved AS (
    SELECT
        profile, day, height, tx_index, 'outflow' AS flow, src_pool AS miner,
        NULL AS counterparty, any_value(txid) AS txid, sum(value_sat) AS value_sat
    FROM spelled
    WHERE src_pool IS NOT NULL AND dst_pool IS DISTINCT FROM src_pool
    GROUP BY profile, day, height, tx_index, src_pool
    UNION ALL
    SELECT
        profile, day, height, tx_index, 'outflow', 'all_miner', NULL, any_value(txid),
        sum(value_sat)
    FROM spelled
    WHERE src_pool IS NOT NULL AND dst_pool IS NULL
    GROUP BY profile, day, height, tx_index
    UNION ALL
    SELECT
        profile, day, height, tx_index, 'inflow', dst_pool, NULL, any_value(txid), sum(value_sat)
    FROM spelled
    WHERE dst_pool IS NOT NULL AND src_pool IS DISTINCT FROM dst_pool
    GROUP BY profile, day, height, tx_index, dst_pool
    UNION ALL
    SELECT
        profile, day, height, tx_index, 'inflow', 'all_miner', NULL, any_value(txid),
        sum(value_sat)
    FROM spelled
    WHERE dst_pool IS NOT NULL AND src_pool IS NULL
    GROUP BY profile, day, height, tx_index
    UNION ALL
    SELECT
        profile, day, height, tx_index, 'in_house', src_pool, NULL, any_value(txid),
        sum(value_sat)
    FROM spelled
    WHERE src_pool = dst_pool
    GROUP BY profile, day, height, tx_index, src_pool
    UNION ALL
    SELECT
        profile, day, height, tx_index, 'in_house', 'all_miner', NULL, any_value(txid),
        sum(value_sat)
    FROM spelled
    WHERE src_pool IS NOT NULL AND dst_pool IS NOT NULL
    GROUP BY profile, day, height, tx_index
    UNION ALL
    SELECT
        profile, day, height, tx_index, 'to_exchange', coalesce(src_pool, 'all_miner'),
        coalesce(dst_exchange, 'all_exchange'), any_value(txid), sum(value_sat)
    FROM spelled
    WHERE src_pool IS NOT NULL AND dst_exchange IS NOT NULL
    GROUP BY profile, day, height, tx_index, CUBE (src_pool, dst_exchange)
    UNION ALL
    SELECT
        profile, day, height, tx_index, 'from_exchange', coalesce(dst_pool, 'all_miner'),
        coalesce(src_exchange, 'all_exchange'), any_value(txid), sum(value_sat)
    FROM spelled
    WHERE src_exchange IS NOT NULL AND dst_pool IS NOT NULL
    GROUP BY profile, day, height, tx_index, CUBE (dst_pool, src_exchange)
    UNION ALL
    SELECT
        profile, day, height, tx_index, 'to_miner', coalesce(src_pool, 'all_miner'),
        coalesce(dst_pool, 'all_miner'), any_value(txid), sum(value_sat)
    FROM spelled
    WHERE src_pool <> dst_pool
    GROUP BY profile, day, height, tx_index, CUBE (src_pool, dst_pool)
)
SELECT
    profile,
    day,
    height,
    tx_index,
    txid,
    flow,
    miner,
    counterparty,
    CAST(value_sat AS BIGINT) AS value_sat
FROM moved
WHERE value_sat > 0;
