-- row: in a profile where exchanges exclude hops, an address or a flow's side that is a miner's and an
--   exchange's at once.
-- source: profile_rules, address_changes, attributes, daily_flows; methodology section 5
WITH excluding AS (
    SELECT profile FROM profile_rules WHERE exchange_excludes_hop
)
SELECT 'addresses' AS found, CAST(address_id AS VARCHAR) AS at, hop, pool, exchange
FROM address_changes
JOIN attributes USING (code)
SEMI JOIN excluding USING (profile)
WHERE since_height >= getvariable('since_height') AND hop IS NOT NULL AND exchange IS NOT NULL
UNION ALL
SELECT 'source of a flow', CAST(day AS VARCHAR), src_hop, src_pool, src_exchange
FROM daily_flows
SEMI JOIN excluding USING (profile)
WHERE day >= getvariable('since_day') AND src_hop IS NOT NULL AND src_exchange IS NOT NULL
UNION ALL
SELECT 'destination of a flow', CAST(day AS VARCHAR), dst_hop, dst_pool, dst_exchange
FROM daily_flows
SEMI JOIN excluding USING (profile)
WHERE day >= getvariable('since_day') AND dst_hop IS NOT NULL AND dst_exchange IS NOT NULL;
