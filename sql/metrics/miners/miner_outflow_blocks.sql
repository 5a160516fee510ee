-- view: miner_outflow_blocks
-- definition: the amounts and counts of miner_outflow per block; only where something moved.
-- also: miner_outflow
-- grain: profile, height, miner
-- source: miner_flow_blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_outflow_blocks AS
SELECT * EXCLUDE (flow, counterparty)
FROM miner_flow_blocks
WHERE flow = 'outflow';
