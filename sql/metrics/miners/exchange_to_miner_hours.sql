-- view: exchange_to_miner_hours
-- definition: the amounts and counts of exchange_to_miner per hour; only where something moved.
-- also: exchange_to_miner
-- grain: profile, hour, miner, counterparty
-- source: miner_flow_hours
-- since: 0.1
CREATE OR REPLACE VIEW exchange_to_miner_hours AS
SELECT * EXCLUDE (flow)
FROM miner_flow_hours
WHERE flow = 'from_exchange';
