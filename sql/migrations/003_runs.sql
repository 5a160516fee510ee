-- Sums per run of blocks depend on how a range was indexed, and a day that is indexed in parts has
-- several. They stay in the work database; what is published is summed per day.
ALTER TABLE quiet_flows RENAME TO quiet_flow_runs;
ALTER TABLE exchange_flows RENAME TO exchange_flow_runs;
