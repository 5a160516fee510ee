-- view: calendar
-- definition: every final calendar day from the first indexed block's day on, with the height of
--   the last block up to its end; a day without blocks carries the height of the day before. After
--   SET VARIABLE provisional = true the running day, which more blocks may change, follows, here
--   and in every metric.
-- unit: day (UTC), block height
-- grain: day
-- source: days; methodology section 1 (a day is final once a block of a later day is indexed, so a
--   day without blocks before such a block is final too)
CREATE OR REPLACE VIEW calendar AS
WITH span AS (
    SELECT
        min(day) AS first_day,
        max(day) - CASE WHEN getvariable('provisional') THEN 0 ELSE 1 END AS last_day
    FROM days
),
spine AS (
    SELECT CAST(unnest(generate_series(first_day, last_day, INTERVAL 1 DAY)) AS DATE) AS day
    FROM span
)
SELECT spine.day, days.last_height
FROM spine
ASOF JOIN days ON spine.day >= days.day;
