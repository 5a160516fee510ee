-- view: miner_flow_hours
-- definition: miner_flow_txs per hour (UTC) of the blocks' median time past: sum, transactions,
--   mean and the ten largest together. Only where something moved; not materialised, so name the
--   days asked for.
-- unit: satoshis, transactions, BTC
-- grain: profile, hour, flow, miner, counterparty
-- source: miner_flow_txs, blocks
CREATE OR REPLACE VIEW miner_flow_hours AS
SELECT
    txs.profile,
    txs.day,
    make_timestamp(blocks.mediantime // 3600 * 3600 * 1000000) AS hour,
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
JOIN blocks ON blocks.height = txs.height
GROUP BY txs.profile, txs.day, hour, txs.flow, txs.miner, txs.counterparty;
