-- metric: PoolTop{K}Share
-- name: Blocks of the {K} largest pools, share
-- definition: share of the day's blocks that the {K} pools with most blocks of the day found;
--   blocks of unknown pools count among all blocks only. NULL on a day without blocks, genesis not
--   counted. The same in every profile.
-- unit: share
-- grain: profile, day
-- choices: K 1 3 5
-- category: pools
-- vendor: none (mempool.space pool ranking)
-- source: pool_days, chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW pool_top_share AS
WITH ranked AS (
    SELECT
        day,
        block_count,
        row_number() OVER (PARTITION BY day ORDER BY block_count DESC) AS place
    FROM pool_days
    WHERE miner <> 'Unknown'
)
SELECT
    chain.profile,
    chain.day,
    'PoolTop' || tops.k || 'Share' AS metric,
    coalesce(sum(ranked.block_count), 0) / nullif(any_value(chain.block_count), 0) AS value
FROM chain_calendar AS chain
CROSS JOIN (VALUES (1), (3), (5)) AS tops (k)
LEFT JOIN ranked ON ranked.day = chain.day AND ranked.place <= tops.k
GROUP BY chain.profile, chain.day, tops.k;
