-- view: pool_days
-- definition: blocks and what their coinbases pay out per pool, genesis not counted; days and
--   pools without blocks have no row.
-- unit: blocks, satoshis
-- grain: day, miner
-- source: blocks
CREATE OR REPLACE VIEW pool_days AS
SELECT
    day,
    pool AS miner,
    count(*) AS block_count,
    CAST(sum(coinbase_sat) AS BIGINT) AS revenue_sat
FROM blocks
WHERE height > 0
GROUP BY day, pool;
