-- row: a day after whose last block the pools together hold another sum than all mining addresses, or
--   balances of a block that ends no day.
-- source: days, supply, pool_supply, exchange_supply
WITH sums AS (
    SELECT profile, height, sum(hop0_sat) AS hop0_sat, sum(hop1_sat) AS hop1_sat
    FROM pool_supply
    GROUP BY profile, height
)
SELECT supply.profile, supply.height, supply.hop1_sat, sums.hop1_sat AS sum_sat
FROM days
JOIN supply ON supply.height = days.last_height
LEFT JOIN sums ON sums.profile = supply.profile AND sums.height = supply.height
WHERE coalesce(sums.hop0_sat, 0) <> supply.hop0_sat OR coalesce(sums.hop1_sat, 0) <> supply.hop1_sat
UNION ALL
SELECT profile, height, NULL, hop1_sat FROM pool_supply
WHERE height NOT IN (SELECT last_height FROM days)
UNION ALL
SELECT profile, height, NULL, balance_sat FROM exchange_supply
WHERE height NOT IN (SELECT last_height FROM days);
