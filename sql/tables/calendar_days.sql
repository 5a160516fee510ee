-- table: calendar_days
-- definition: every calendar day from the first indexed block's day to that of the last, with the
--   height of the last block up to its end; a day without blocks carries the height of the day
--   before. Materialised, rebuilt after loading, because every metric view asks for it.
-- unit: day (UTC), block height
-- grain: day
-- source: days; methodology section 1 (a day is final once a block of a later day is indexed, so a
--   day without blocks before such a block is final too)
CREATE OR REPLACE TABLE calendar_days AS
WITH span AS (
    SELECT min(day) AS first_day, max(day) AS last_day FROM days
),
spine AS (
    SELECT CAST(unnest(generate_series(first_day, last_day, INTERVAL 1 DAY)) AS DATE) AS day
    FROM span
)
SELECT spine.day, days.last_height, spine.day < (SELECT last_day FROM span) AS final
FROM spine
ASOF JOIN days ON spine.day >= days.day
ORDER BY spine.day;
