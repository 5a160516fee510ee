-- metric: MinerNetflow{U}
-- column: total_{u}
-- name: Miner netflow ({U})
-- definition: MinerInflowTotal{U} - MinerOutflowTotal{U}.
-- unit: {U}
-- vendor: CryptoQuant btc/miner-flows/netflow netflow_total
-- grain: profile, day, miner: every final calendar day for each pool that ever appears
-- category: miner flows
-- source: miner_flow_calendar; methodology section 7
-- drill: MinerInflowTotal{U} - MinerOutflowTotal{U}
-- also: hours, blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_netflow AS
SELECT
    profile,
    day,
    miner,
    CAST(sum(CASE flow WHEN 'inflow' THEN total_sat ELSE -total_sat END) AS BIGINT) AS total_sat,
    sum(CASE flow WHEN 'inflow' THEN total_btc ELSE -total_btc END) AS total_btc,
    CAST(
        CASE WHEN count(total_usd) = 2 THEN
            sum(CASE flow WHEN 'inflow' THEN total_usd ELSE -total_usd END)
        END AS DECIMAL(38, 18)
    ) AS total_usd
FROM miner_flow_calendar
WHERE flow IN ('inflow', 'outflow')
GROUP BY profile, day, miner;
CREATE OR REPLACE VIEW miner_netflow_{also} AS
SELECT
    profile,
    day,
    {key},
    miner,
    CAST(sum(CASE flow WHEN 'inflow' THEN total_sat ELSE -total_sat END) AS BIGINT) AS total_sat,
    sum(CASE flow WHEN 'inflow' THEN total_btc ELSE -total_btc END) AS total_btc
FROM miner_flow_{also}
WHERE flow IN ('inflow', 'outflow')
GROUP BY profile, day, {key}, miner;
