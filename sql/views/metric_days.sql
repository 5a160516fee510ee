-- view: metric_days
-- definition: every final calendar day of every profile in both units {U}, with what one satoshi is
--   worth in it: Ntv is BTC; USD is at the day's price, NULL where there is none.
-- unit: BTC or US dollars per satoshi
-- grain: profile, day, unit
-- source: calendar, profiles, prices
CREATE OR REPLACE VIEW metric_days AS
WITH worth AS (
    SELECT
        calendar.day,
        calendar.last_height,
        CAST(1 AS DECIMAL(20, 10)) AS Ntv,
        CAST(prices.price_usd AS DECIMAL(20, 10)) AS USD
    FROM calendar
    LEFT JOIN prices ON prices.date = calendar.day
)
SELECT
    profiles.profile,
    worth.day,
    worth.last_height,
    units.unit,
    CAST(
        CASE units.unit WHEN 'Ntv' THEN worth.Ntv ELSE worth.USD END * 0.00000001 AS DECIMAL(20, 18)
    ) AS per_sat
FROM profiles
CROSS JOIN worth
CROSS JOIN (VALUES ('Ntv'), ('USD')) AS units (unit);
