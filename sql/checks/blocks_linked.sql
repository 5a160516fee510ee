-- row: a block that does not follow the one before it: a gap or repetition in the heights, a
--   previous hash that is another's, or a first block that is not where the indexed range starts.
-- source: blocks, chain
WITH linked AS (
    SELECT
        height,
        hash,
        prev_hash,
        lag(height) OVER (ORDER BY height) AS height_before,
        lag(hash) OVER (ORDER BY height) AS hash_before
    FROM blocks
    WHERE height >= getvariable('since_height') - 1
)
SELECT height, hash, prev_hash, height_before, hash_before
FROM linked
WHERE (height_before IS NULL AND height <> (SELECT greatest(first_height, getvariable('since_height') - 1) FROM chain))
    OR (height_before IS NOT NULL AND (height <> height_before + 1 OR prev_hash <> hash_before));
