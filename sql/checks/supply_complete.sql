-- row: a block without exactly one supply row in a profile, or a supply row of no block.
-- source: supply, blocks
WITH expected AS (
    SELECT profiles.profile, blocks.height
    FROM blocks
    CROSS JOIN (SELECT DISTINCT profile FROM supply) AS profiles
)
SELECT profile, height, count(supply.height) AS row_count, count(expected.height) AS block_count
FROM supply
FULL JOIN expected USING (profile, height)
GROUP BY profile, height
HAVING count(supply.height) <> 1 OR count(expected.height) <> 1;
