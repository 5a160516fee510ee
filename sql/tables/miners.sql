-- table: miners
-- definition: the miners that have metrics of their own: every pool that ever takes part in a
--   transfer, and all_miner. Materialised, rebuilt after loading.
-- grain: profile, miner
-- source: miner_flow_days, profiles
CREATE OR REPLACE TABLE miners AS
SELECT profile, miner FROM miner_flow_days
UNION
SELECT profile, 'all_miner' AS miner FROM profiles
ORDER BY profile, miner;
