-- row: a kind of transfer that cannot be: an unknown code, a source in a coinbase or none
--   elsewhere, or no hop on either side.
-- source: transfer_facts, attributes; methodology section 6
WITH kinds AS (
    SELECT DISTINCT profile, is_coinbase, tx_index = 0 AS is_first, src, dst
    FROM transfer_facts
    WHERE height >= getvariable('since_height')
)
SELECT kinds.*
FROM kinds
LEFT JOIN attributes AS source ON source.code = kinds.src
LEFT JOIN attributes AS destination ON destination.code = kinds.dst
WHERE destination.code IS NULL
    OR (kinds.src IS NOT NULL AND source.code IS NULL)
    OR kinds.is_coinbase <> (kinds.src IS NULL)
    OR kinds.is_coinbase <> kinds.is_first
    OR (source.hop IS NULL AND destination.hop IS NULL);
