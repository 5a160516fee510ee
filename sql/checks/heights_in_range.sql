-- row: a table with rows of a height above the last indexed block, left over from another chain.
-- source: every published table that names a height
WITH heights AS (
    SELECT 'transfer_facts' AS found, height
    FROM transfer_facts
    WHERE height >= getvariable('since_height')
    UNION ALL
    SELECT 'supply', height FROM supply WHERE height >= getvariable('since_height')
    UNION ALL
    SELECT 'address_changes', since_height
    FROM address_changes
    WHERE since_height >= getvariable('since_height')
    UNION ALL
    SELECT 'refused_joins', height FROM refused_joins WHERE height >= getvariable('since_height')
    UNION ALL
    SELECT 'coinjoins', height FROM coinjoins WHERE height >= getvariable('since_height')
)
SELECT found, max(height) AS height
FROM heights
GROUP BY found
HAVING max(height) > (SELECT coalesce(max(height), -1) FROM blocks);
