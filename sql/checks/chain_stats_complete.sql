-- row: a block or a day without exactly one row of statistics, or statistics of none, or a block whose
--   transactions transfer more than they create.
-- source: blocks, days, chain_stats, active_addresses; methodology section 7
SELECT CAST(height AS VARCHAR) AS what, count(chain_stats.height) AS row_count
FROM blocks
FULL JOIN chain_stats USING (height)
GROUP BY height
HAVING
    count(chain_stats.height) <> 1
    OR count(blocks.height) <> 1
    OR NOT max(chain_stats.transfer_sat) BETWEEN 0 AND max(blocks.created_sat)
    OR NOT coalesce(max(chain_stats.moved_coinbase_sat), 0) BETWEEN 0 AND max(blocks.spent_sat)
UNION ALL
SELECT CAST(day AS VARCHAR), count(active_addresses.day)
FROM days
FULL JOIN active_addresses USING (day)
GROUP BY day
HAVING count(active_addresses.day) <> 1 OR count(days.day) <> 1;
