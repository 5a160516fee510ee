-- row: a table with rows of a height above the last indexed block, left over from another chain.
-- source: every published table that names a height
WITH highest AS (
    SELECT 'transfer_facts' AS found, max(height) AS height FROM transfer_facts
    UNION ALL
    SELECT 'supply', max(height) FROM supply
    UNION ALL
    SELECT 'addresses', max(since_height) FROM addresses
    UNION ALL
    SELECT 'conflicts', max(height) FROM conflicts
    UNION ALL
    SELECT 'coinjoins', max(height) FROM coinjoins
)
SELECT found, height
FROM highest
WHERE height > (SELECT coalesce(max(height), -1) FROM blocks);
