-- row: an address whose attributes change more than once at one height, so that it bears two at
--   once.
-- source: address_changes
SELECT profile, address_id, since_height, count(*) AS row_count
FROM address_changes
WHERE since_height >= getvariable('since_height')
GROUP BY profile, address_id, since_height
HAVING count(*) > 1;
