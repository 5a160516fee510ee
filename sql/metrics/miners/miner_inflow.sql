-- metric: MinerInflowTotal{U}
-- column: total_{u}
-- name: Miner inflow, total ({U})
-- definition: what a miner's wallet received from coinbases and from addresses outside it; a
--   miner's wallet is its pool's addresses within one hop of its coinbases, all_miner's everyone's.
-- unit: {U}
-- vendor: CryptoQuant btc/miner-flows/inflow inflow_total
-- metric: MinerInflowMean{U}
-- column: mean_{u}
-- name: Miner inflow, mean per transaction ({U})
-- definition: MinerInflowTotal{U} over MinerInflowTxCnt; NULL without a transaction.
-- unit: {U}
-- vendor: CryptoQuant btc/miner-flows/inflow inflow_mean
-- metric: MinerInflowTop10{U}
-- column: top10_{u}
-- name: Miner inflow, ten largest transactions ({U})
-- definition: amounts of the ten transactions with the largest, together.
-- unit: {U}
-- vendor: CryptoQuant btc/miner-flows/inflow inflow_top10
-- metric: MinerInflowMeanMA7
-- column: mean_ma7_btc
-- name: Miner inflow, mean per transaction, 7 day average (BTC)
-- definition: average of MinerInflowMeanNtv over those of the last 7 calendar days, this day
--   included, that have one; NULL on the first 6 days.
-- unit: BTC
-- vendor: CryptoQuant btc/miner-flows/inflow inflow_mean_ma7
-- metric: MinerInflowTxCnt
-- column: tx_count
-- name: Miner inflow, transactions
-- definition: transactions that moved an amount > 0 so.
-- unit: transactions
-- vendor: CryptoQuant btc/miner-flows/transactions-count transactions_count_inflow
-- grain: profile, day, miner: every final calendar day for each pool that ever appears
-- category: miner flows
-- source: miner_flow_calendar; methodology section 7
-- drill: miner_flow_txs WHERE flow = 'inflow'
-- also: hours, blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_inflow AS
SELECT
    * EXCLUDE (flow),
    CASE WHEN count(*) OVER week = 7 THEN avg(mean_btc) OVER week END AS mean_ma7_btc
FROM miner_flow_calendar
WHERE flow = 'inflow'
WINDOW week AS (PARTITION BY profile, miner ORDER BY day ROWS 6 PRECEDING);
CREATE OR REPLACE VIEW miner_inflow_{also} AS
SELECT * EXCLUDE (flow, counterparty)
FROM miner_flow_{also}
WHERE flow = 'inflow';
