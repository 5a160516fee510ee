-- row: in the profile entity, an address or a flow's side that is a miner's and an exchange's at
--   once.
-- source: addresses, daily_flows; methodology section 5
SELECT 'addresses' AS found, address AS at, hop, pool, exchange
FROM addresses
WHERE profile = 'entity' AND hop IS NOT NULL AND exchange IS NOT NULL
UNION ALL
SELECT 'source of a flow', CAST(day AS VARCHAR), src_hop, src_pool, src_exchange
FROM daily_flows
WHERE profile = 'entity' AND src_hop IS NOT NULL AND src_exchange IS NOT NULL
UNION ALL
SELECT 'destination of a flow', CAST(day AS VARCHAR), dst_hop, dst_pool, dst_exchange
FROM daily_flows
WHERE profile = 'entity' AND dst_hop IS NOT NULL AND dst_exchange IS NOT NULL;
