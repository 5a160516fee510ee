-- view: miner_in_house_blocks
-- definition: the amounts and counts of miner_in_house per block; only where something moved.
-- also: miner_in_house
-- grain: profile, height, miner
-- source: miner_flow_blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_in_house_blocks AS
SELECT * EXCLUDE (flow, counterparty)
FROM miner_flow_blocks
WHERE flow = 'in_house';
