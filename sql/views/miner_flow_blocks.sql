-- view: miner_flow_blocks
-- definition: miner_flow_txs per block: sum, transactions, mean and the ten largest together.
--   Only where something moved; not materialised, so name the days asked for.
-- unit: satoshis, transactions, BTC
-- grain: profile, height, flow, miner, counterparty
-- source: miner_flow_txs
CREATE OR REPLACE VIEW miner_flow_blocks AS
SELECT
    txs.profile,
    txs.day,
    txs.height,
    txs.flow,
    txs.miner,
    txs.counterparty,
    CAST(sum(txs.value_sat) AS BIGINT) AS total_sat,
    in_btc(sum(txs.value_sat)) AS total_btc,
    count(*) AS tx_count,
    sum(txs.value_sat) / count(*) / 1e8 AS mean_btc,
    CAST(list_sum(max(txs.value_sat, 10)) AS BIGINT) AS top10_sat,
    in_btc(list_sum(max(txs.value_sat, 10))) AS top10_btc
FROM miner_flow_txs AS txs
GROUP BY txs.profile, txs.day, txs.height, txs.flow, txs.miner, txs.counterparty;
