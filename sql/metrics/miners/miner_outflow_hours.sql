-- view: miner_outflow_hours
-- definition: the amounts and counts of miner_outflow per hour; only where something moved.
-- also: miner_outflow
-- grain: profile, hour, miner
-- source: miner_flow_hours
-- since: 0.1
CREATE OR REPLACE VIEW miner_outflow_hours AS
SELECT * EXCLUDE (flow, counterparty)
FROM miner_flow_hours
WHERE flow = 'outflow';
