-- table: transfer_days
-- definition: how many transfers each day has, and a print of them that tells whether they are the
--   same as when a table was last built from them.
-- grain: profile, day
-- source: transfer_facts, attributes
CREATE OR REPLACE TABLE transfer_days AS
SELECT
    facts.profile,
    facts.day,
    count(*) AS row_count,
    bit_xor(
        hash(
            facts.height, facts.tx_index, facts.value_sat, source.hop, source.pool,
            source.exchange, destination.hop, destination.pool, destination.exchange
        )
    ) AS print
FROM transfer_facts AS facts
LEFT JOIN attributes AS source ON source.code = facts.src
JOIN attributes AS destination ON destination.code = facts.dst
GROUP BY facts.profile, facts.day
ORDER BY facts.day, facts.profile;
