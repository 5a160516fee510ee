-- view: miner_to_miner_blocks
-- definition: the amounts and counts of miner_to_miner per block; only where something moved.
-- also: miner_to_miner
-- grain: profile, height, miner, counterparty
-- source: miner_flow_blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_to_miner_blocks AS
SELECT * EXCLUDE (flow)
FROM miner_flow_blocks
WHERE flow = 'to_miner';
