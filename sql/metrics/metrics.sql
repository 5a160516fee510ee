-- view: metrics
-- definition: every metric with one value per profile and day, all their views together. In the
--   headers of the views {N} stands for 0 and 1, {U} for the units Ntv (BTC) and USD, {X} for the
--   codes and {exchange} for the names in exchange_codes, any other letter for its choices. A view
--   by itself answers faster, and holds ratios with all their digits.
-- unit: by metric; Ntv values are exact to the satoshi, USD values exact products of Ntv and price,
--   ratios have 18 decimal places
-- grain: profile, day, metric; each final calendar day has a row for each, NULL where not known
-- source: the views named below
-- since: 0.1
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
SELECT profile, day, metric, value FROM sply_miner
UNION ALL
SELECT profile, day, metric, value FROM sply_miner_change
UNION ALL
SELECT profile, day, metric, value FROM miners_unspent
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM mri
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM momr
UNION ALL
SELECT profile, day, metric, value FROM rev
UNION ALL
SELECT profile, day, metric, value FROM iss_tot
UNION ALL
SELECT profile, day, metric, value FROM fee_tot
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM fee_share
UNION ALL
SELECT profile, day, metric, value FROM rev_all_time
UNION ALL
SELECT profile, day, metric, value FROM thermo_cap
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM puell_mul_rev
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM puell_multiple
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM blk_cnt
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM tx_cnt
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM tx_tfr_cnt
UNION ALL
SELECT profile, day, metric, value FROM tx_tfr_val
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM adr_act_cnt
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM sply_cur
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM diff_mean
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM hash_rate
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM hash_ribbon
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM difficulty_ribbon
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM pool_top_share
UNION ALL
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value FROM pool_hhi
UNION ALL
SELECT profile, day, metric, value FROM flow_in_exchange
UNION ALL
SELECT profile, day, metric, value FROM flow_out_exchange
UNION ALL
SELECT profile, day, metric, value FROM flow_net_exchange
UNION ALL
SELECT profile, day, metric, value FROM flow_in_exchanges
UNION ALL
SELECT profile, day, metric, value FROM flow_out_exchanges
UNION ALL
SELECT profile, day, metric, value FROM sply_exchange
UNION ALL
SELECT profile, day, metric, value FROM sply_exchanges;
