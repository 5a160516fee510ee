-- view: calendar
-- definition: every final day of calendar_days. After SET VARIABLE provisional = true the running
--   day, which more blocks may change, follows, here and in every metric.
-- unit: day (UTC), block height
-- grain: day
-- source: calendar_days
CREATE OR REPLACE VIEW calendar AS
SELECT day, last_height
FROM calendar_days
WHERE final OR getvariable('provisional');
