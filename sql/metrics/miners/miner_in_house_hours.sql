-- view: miner_in_house_hours
-- definition: the amounts and counts of miner_in_house per hour; only where something moved.
-- also: miner_in_house
-- grain: profile, hour, miner
-- source: miner_flow_hours
-- since: 0.1
CREATE OR REPLACE VIEW miner_in_house_hours AS
SELECT * EXCLUDE (flow, counterparty)
FROM miner_flow_hours
WHERE flow = 'in_house';
