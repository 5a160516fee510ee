-- row: a kind of transfer that cannot be: an unknown code, a source in a coinbase or none
--   elsewhere, a recorded transfer without a hop on either side, or an unrecorded one with a hop.
-- source: transfer_facts, quiet_flows, attributes; methodology section 6
WITH kinds AS (
    SELECT DISTINCT true AS recorded, profile, is_coinbase, tx_index = 0 AS is_first, src, dst
    FROM transfer_facts
    UNION ALL
    SELECT DISTINCT false AS recorded, profile, is_coinbase, is_coinbase AS is_first, src, dst
    FROM quiet_flows
)
SELECT kinds.*
FROM kinds
LEFT JOIN attributes AS source ON source.code = kinds.src
LEFT JOIN attributes AS destination ON destination.code = kinds.dst
WHERE destination.code IS NULL
    OR (kinds.src IS NOT NULL AND source.code IS NULL)
    OR kinds.is_coinbase <> (kinds.src IS NULL)
    OR kinds.is_coinbase <> kinds.is_first
    OR kinds.recorded <> (source.hop IS NOT NULL OR destination.hop IS NOT NULL);
