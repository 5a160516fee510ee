-- row: a block or a day without exactly one row of statistics, or statistics of none, or a block whose
--   transactions transfer more than they create.
-- source: blocks, days, chain_stats, active_addresses; methodology section 7
WITH listed_blocks AS (
    SELECT height, created_sat, spent_sat FROM blocks WHERE height >= getvariable('since_height')
),
listed_stats AS (
    SELECT height, transfer_sat, moved_coinbase_sat FROM chain_stats WHERE height >= getvariable('since_height')
),
listed_days AS (
    SELECT day FROM days WHERE day >= getvariable('since_day')
),
active AS (
    SELECT day FROM active_addresses WHERE day >= getvariable('since_day')
)
SELECT CAST(height AS VARCHAR) AS what, count(stats.height) AS row_count
FROM listed_blocks AS blocks
FULL JOIN listed_stats AS stats USING (height)
GROUP BY height
HAVING
    count(stats.height) <> 1
    OR count(blocks.height) <> 1
    OR NOT max(stats.transfer_sat) BETWEEN 0 AND max(blocks.created_sat)
    OR NOT coalesce(max(stats.moved_coinbase_sat), 0) BETWEEN 0 AND max(blocks.spent_sat)
UNION ALL
SELECT CAST(day AS VARCHAR), count(active.day)
FROM listed_days AS days
FULL JOIN active USING (day)
GROUP BY day
HAVING count(active.day) <> 1 OR count(days.day) <> 1;
