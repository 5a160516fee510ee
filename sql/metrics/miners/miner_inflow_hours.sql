-- view: miner_inflow_hours
-- definition: the amounts and counts of miner_inflow per hour; only where something moved.
-- also: miner_inflow
-- grain: profile, hour, miner
-- source: miner_flow_hours
-- since: 0.1
CREATE OR REPLACE VIEW miner_inflow_hours AS
SELECT * EXCLUDE (flow, counterparty)
FROM miner_flow_hours
WHERE flow = 'inflow';
