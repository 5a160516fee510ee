-- view: metrics
-- definition: every metric with one value per profile and day, all views of this folder together.
--   In the headers of these views {N} stands for 0 and 1, {U} for the units Ntv (BTC) and USD, {X}
--   for the codes and {exchange} for the names in exchange_codes.
-- unit: by metric; Ntv values are exact to the satoshi, USD values exact products of Ntv and price
-- grain: profile, day, metric; each final calendar day has a row for each, NULL where not known
-- source: the views named below
CREATE OR REPLACE VIEW metrics AS
SELECT profile, day, metric, value FROM flow_miner_out
UNION ALL
SELECT profile, day, metric, value FROM flow_miner_in
UNION ALL
SELECT profile, day, metric, value FROM flow_miner_net
UNION ALL
SELECT profile, day, metric, value FROM flow_miner_out_exchanges
UNION ALL
SELECT profile, day, metric, value FROM flow_miner_in_exchanges
UNION ALL
SELECT profile, day, metric, value FROM flow_miner_out_exchange
UNION ALL
SELECT profile, day, metric, value FROM flow_miner_in_exchange
UNION ALL
SELECT profile, day, metric, value FROM sply_miner;
