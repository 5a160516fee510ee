-- metric: PoolHHI
-- name: Pool concentration (Herfindahl index)
-- definition: sum of the squared shares of the pools in the day's blocks, 1 where one pool finds
--   all; each block of an unknown pool counts as a miner of its own. NULL on a day without blocks,
--   genesis not counted. The same in every profile.
-- unit: index (0 to 1)
-- grain: profile, day
-- category: pools
-- vendor: none
-- source: pool_days, chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW pool_hhi AS
WITH squares AS (
    SELECT
        day,
        sum(CASE miner WHEN 'Unknown' THEN block_count ELSE block_count * block_count END) AS total
    FROM pool_days
    GROUP BY day
)
SELECT
    chain.profile,
    chain.day,
    'PoolHHI' AS metric,
    squares.total / (chain.block_count * chain.block_count) AS value
FROM chain_calendar AS chain
LEFT JOIN squares ON squares.day = chain.day;
