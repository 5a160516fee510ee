-- row: a day after whose last block the pools together hold another sum than all mining addresses, or
--   balances of a block that ends no day.
-- source: days, supply, pool_supply, exchange_supply. Those of the block below a stretch are loaded with it.
WITH ends AS (
    SELECT last_height AS height FROM days WHERE day >= getvariable('since_day')
),
of_pools AS (
    SELECT profile, height, hop0_sat, hop1_sat
    FROM pool_supply
    WHERE height >= getvariable('since_height') - 1
),
sums AS (
    SELECT profile, height, sum(hop0_sat) AS hop0_sat, sum(hop1_sat) AS hop1_sat
    FROM of_pools
    GROUP BY profile, height
)
SELECT supply.profile, supply.height, supply.hop1_sat, sums.hop1_sat AS sum_sat
FROM ends
JOIN supply ON supply.height = ends.height
LEFT JOIN sums ON sums.profile = supply.profile AND sums.height = supply.height
WHERE supply.height >= getvariable('since_height') - 1
    AND (
        coalesce(sums.hop0_sat, 0) <> supply.hop0_sat OR coalesce(sums.hop1_sat, 0) <> supply.hop1_sat
    )
UNION ALL
SELECT profile, height, NULL, hop1_sat FROM of_pools
WHERE height NOT IN (SELECT height FROM ends)
UNION ALL
SELECT profile, height, NULL, balance_sat FROM exchange_supply
WHERE height >= getvariable('since_height') - 1 AND height NOT IN (SELECT height FROM ends);
