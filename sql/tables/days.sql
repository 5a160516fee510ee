-- table: days
-- definition: the days with at least one block and their heights, rebuilt from blocks after
--   loading.
-- grain: day
-- source: blocks; methodology section 1
DELETE FROM days;
INSERT INTO days (day, first_height, last_height, final)
SELECT day, min(height), max(height), day < (SELECT max(day) FROM blocks)
FROM blocks
GROUP BY day
ORDER BY day;
