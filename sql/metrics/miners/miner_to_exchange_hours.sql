-- view: miner_to_exchange_hours
-- definition: the amounts and counts of miner_to_exchange per hour; only where something moved.
-- also: miner_to_exchange
-- grain: profile, hour, miner, counterparty
-- source: miner_flow_hours
-- since: 0.1
CREATE OR REPLACE VIEW miner_to_exchange_hours AS
SELECT * EXCLUDE (flow)
FROM miner_flow_hours
WHERE flow = 'to_exchange';
