-- row: a block after which the miners hold more than was ever issued, or those within one hop less
--   than those within none.
-- source: supply, blocks; methodology section 7. Supply is NULL where the range does not start at
--   genesis, which satisfies this check.
WITH issued AS (
    SELECT
        height,
        sum(coinbase_sat + created_sat - spent_sat) OVER (ORDER BY height)
            + (SELECT coalesce(sum(coinbase_sat + created_sat - spent_sat), 0) FROM blocks WHERE height < getvariable('since_height'))
            AS issued_sat
    FROM blocks
    WHERE height >= getvariable('since_height')
)
SELECT supply.profile, supply.height, supply.hop0_sat, supply.hop1_sat, issued.issued_sat
FROM supply
JOIN issued USING (height)
WHERE supply.height >= getvariable('since_height')
    AND (supply.hop1_sat > issued.issued_sat OR supply.hop0_sat > supply.hop1_sat);
