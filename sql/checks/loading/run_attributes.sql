-- row: a kind of quiet flow that cannot be: an unknown code, a source in a coinbase or none elsewhere,
--   or a hop on either side, which makes it a transfer of its own.
-- source: quiet_flow_runs, attributes; methodology section 6
WITH kinds AS (
    SELECT DISTINCT profile, is_coinbase, src, dst
    FROM quiet_flow_runs
    WHERE first_height >= getvariable('since_height')
)
SELECT kinds.*
FROM kinds
LEFT JOIN attributes AS source ON source.code = kinds.src
LEFT JOIN attributes AS destination ON destination.code = kinds.dst
WHERE destination.code IS NULL
    OR (kinds.src IS NOT NULL AND source.code IS NULL)
    OR kinds.is_coinbase <> (kinds.src IS NULL)
    OR source.hop IS NOT NULL
    OR destination.hop IS NOT NULL;
