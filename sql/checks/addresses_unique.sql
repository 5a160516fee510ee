-- row: an address whose attributes change more than once at one height, so that it bears two at
--   once.
-- source: addresses
SELECT profile, address, since_height, count(*) AS row_count
FROM addresses
GROUP BY profile, address, since_height
HAVING count(*) > 1;
