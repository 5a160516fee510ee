-- view: miner_netflow_blocks
-- definition: the amounts of miner_netflow per block; only where something moved.
-- also: miner_netflow
-- grain: profile, height, miner
-- source: miner_flow_blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_netflow_blocks AS
SELECT
    profile,
    day,
    height,
    miner,
    CAST(sum(CASE flow WHEN 'inflow' THEN total_sat ELSE -total_sat END) AS BIGINT) AS total_sat,
    sum(CASE flow WHEN 'inflow' THEN total_btc ELSE -total_btc END) AS total_btc
FROM miner_flow_blocks
WHERE flow IN ('inflow', 'outflow')
GROUP BY profile, day, height, miner;
