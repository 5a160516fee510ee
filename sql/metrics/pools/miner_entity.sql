-- metric: MinerEntity
-- column: pool
-- name: Miner entity
-- definition: the pool that found the block, by its payout addresses and coinbase tags; NULL
--   where it is not known.
-- unit: name
-- grain: height: every block, those of the running day included
-- category: pools
-- vendor: Coin Metrics MinerEntity
-- source: blocks; methodology section 3
-- since: 0.1
CREATE OR REPLACE VIEW miner_entity AS
SELECT height, day, hash, nullif(pool, 'Unknown') AS pool
FROM blocks;
