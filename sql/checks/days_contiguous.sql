-- row: a day that does not continue the one before: its heights leave a gap, overlap or are not
--   those of its blocks, or it is final although it is the last (or not final although it is not).
-- source: days, blocks; methodology section 1
WITH expected AS (
    SELECT day, min(height) AS first_height, max(height) AS last_height, count(*) AS block_count
    FROM blocks
    WHERE day >= getvariable('since_day')
    GROUP BY day
),
listed AS (
    SELECT
        *,
        lag(last_height) OVER (ORDER BY day) AS height_before,
        lead(day) OVER (ORDER BY day) IS NOT NULL AS followed
    FROM days
    QUALIFY day >= getvariable('since_day')
)
SELECT day, listed.first_height, listed.last_height, listed.final, expected.block_count
FROM listed
FULL JOIN expected USING (day)
WHERE listed.first_height IS DISTINCT FROM expected.first_height
    OR listed.last_height IS DISTINCT FROM expected.last_height
    OR listed.last_height - listed.first_height + 1 <> expected.block_count
    OR listed.first_height <> listed.height_before + 1
    OR listed.final <> listed.followed;
