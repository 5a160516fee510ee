-- row: a day on which all miners together sent out another sum than the flows from hops to
--   addresses without a hop.
-- source: miner_flow_days, daily_flows; methodology section 7 (the outflow of all_miner and
--   FlowMinerOut1HopAll are the same sum)
WITH flows AS (
    SELECT profile, day, CAST(sum(value_sat) AS BIGINT) AS flow_sat
    FROM daily_flows
    WHERE day >= getvariable('since_day') AND NOT is_coinbase AND src_hop IS NOT NULL AND dst_hop IS NULL
    GROUP BY profile, day
),
outflows AS (
    SELECT profile, day, total_sat
    FROM miner_flow_days
    WHERE day >= getvariable('since_day') AND flow = 'outflow' AND miner = 'all_miner'
)
SELECT profile, day, flow_sat, total_sat
FROM flows
FULL JOIN outflows USING (profile, day)
WHERE flow_sat IS DISTINCT FROM total_sat;
