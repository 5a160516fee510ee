-- row: a block without exactly one supply row in a profile, or a supply row of no block.
-- source: supply, blocks, profiles
WITH expected AS (
    SELECT profiles.profile, blocks.height
    FROM blocks
    CROSS JOIN profiles
    WHERE height >= getvariable('since_height')
),
held AS (
    SELECT profile, height FROM supply WHERE height >= getvariable('since_height')
)
SELECT profile, height, count(held.height) AS row_count, count(expected.height) AS block_count
FROM held
FULL JOIN expected USING (profile, height)
GROUP BY profile, height
HAVING count(held.height) <> 1 OR count(expected.height) <> 1;
