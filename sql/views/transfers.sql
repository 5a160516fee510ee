-- view: transfers
-- definition: one row per transaction, source group and destination group in which a hop takes
--   part; transfer_facts with the codes spelled out.
-- unit: satoshis
-- grain: profile, transaction, source attributes, destination attributes
-- source: transfer_facts, attributes; methodology section 6
CREATE OR REPLACE VIEW transfers AS
SELECT
    facts.profile,
    facts.height,
    facts.tx_index,
    lower(hex(facts.txid)) AS txid,
    facts.day,
    facts.is_coinbase,
    src.hop AS src_hop,
    src.pool AS src_pool,
    src.exchange AS src_exchange,
    dst.hop AS dst_hop,
    dst.pool AS dst_pool,
    dst.exchange AS dst_exchange,
    facts.value_sat
FROM transfer_facts AS facts
LEFT JOIN attributes AS src ON src.code = facts.src
JOIN attributes AS dst ON dst.code = facts.dst;
