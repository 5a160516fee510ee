-- table: days
-- definition: the days with at least one block and their heights.
-- grain: day
-- source: blocks; methodology section 1
-- build: by days, from the variable first_day to last_day
DELETE FROM days
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day');
INSERT INTO days (day, first_height, last_height, final)
SELECT day, min(height), max(height), day < (SELECT max(day) FROM blocks)
FROM blocks
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day')
GROUP BY day
ORDER BY day;
