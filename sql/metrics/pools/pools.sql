-- metric: PoolBlkCnt
-- column: block_count
-- name: Blocks of a pool, count
-- definition: blocks of the day that the pool found.
-- unit: blocks
-- vendor: none (mempool.space pool ranking)
-- metric: PoolShare
-- column: share
-- name: Blocks of a pool, share
-- definition: share of the day's blocks that the pool found; NULL on a day without blocks.
-- unit: share
-- vendor: none (mempool.space pool ranking)
-- metric: PoolRev{U}
-- column: revenue_{u}
-- name: Revenue of a pool ({U})
-- definition: what the coinbases of the pool's blocks of the day pay out.
-- unit: {U}
-- vendor: Glassnode mining/revenue_sum per miner
-- grain: day, miner: every final calendar day for each pool that ever finds a block, and Unknown
-- category: pools
-- source: pool_days, chain_days, metric_days; genesis not counted
-- since: 0.1
CREATE OR REPLACE VIEW pools AS
WITH known AS (
    SELECT DISTINCT miner FROM pool_days
),
priced AS (
    SELECT DISTINCT day, per_sat FROM metric_days WHERE unit = 'USD'
)
SELECT
    calendar.day,
    known.miner,
    coalesce(found.block_count, 0) AS block_count,
    coalesce(found.block_count, 0) / chain_days.block_count AS share,
    in_btc(coalesce(found.revenue_sat, 0)) AS revenue_btc,
    at_price(coalesce(found.revenue_sat, 0), priced.per_sat) AS revenue_usd
FROM calendar
CROSS JOIN known
LEFT JOIN chain_days ON chain_days.day = calendar.day
LEFT JOIN priced ON priced.day = calendar.day
LEFT JOIN pool_days AS found ON found.day = calendar.day AND found.miner = known.miner;
