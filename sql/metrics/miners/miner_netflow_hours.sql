-- view: miner_netflow_hours
-- definition: the amounts of miner_netflow per hour; only where something moved.
-- also: miner_netflow
-- grain: profile, hour, miner
-- source: miner_flow_hours
-- since: 0.1
CREATE OR REPLACE VIEW miner_netflow_hours AS
SELECT
    profile,
    day,
    hour,
    miner,
    CAST(sum(CASE flow WHEN 'inflow' THEN total_sat ELSE -total_sat END) AS BIGINT) AS total_sat,
    sum(CASE flow WHEN 'inflow' THEN total_btc ELSE -total_btc END) AS total_btc
FROM miner_flow_hours
WHERE flow IN ('inflow', 'outflow')
GROUP BY profile, day, hour, miner;
