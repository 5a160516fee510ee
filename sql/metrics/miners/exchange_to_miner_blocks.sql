-- view: exchange_to_miner_blocks
-- definition: the amounts and counts of exchange_to_miner per block; only where something moved.
-- also: exchange_to_miner
-- grain: profile, height, miner, counterparty
-- source: miner_flow_blocks
-- since: 0.1
CREATE OR REPLACE VIEW exchange_to_miner_blocks AS
SELECT * EXCLUDE (flow)
FROM miner_flow_blocks
WHERE flow = 'from_exchange';
