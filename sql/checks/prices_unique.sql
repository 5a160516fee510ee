-- row: a day with more than one price, or a price that is not above 0.
-- source: prices
SELECT date, count(*) AS price_count, min(price_usd) AS lowest_usd
FROM prices
GROUP BY date
HAVING count(*) > 1 OR NOT min(price_usd) > 0 OR NOT isfinite(max(price_usd));
