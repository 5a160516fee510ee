-- metric: BlkCnt
-- name: Blocks, count
-- definition: blocks of the day, genesis not counted. The same in every profile.
-- unit: blocks
-- grain: profile, day
-- category: network
-- vendor: Coin Metrics BlkCnt
-- source: chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW blk_cnt AS
SELECT profile, day, 'BlkCnt' AS metric, block_count AS value
FROM chain_calendar;
