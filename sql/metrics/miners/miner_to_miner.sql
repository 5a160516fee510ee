-- metric: MinerToMinerTotal{U}
-- column: total_{u}
-- name: Miner to miner, total ({U})
-- definition: what a miner's wallet sent to the wallet of another, the counterparty; all_miner is
--   all others together, on both sides the sum over all pairs.
-- unit: {U}
-- vendor: CryptoQuant btc/inter-entity-flows/miner-to-miner flow_total
-- metric: MinerToMinerMean{U}
-- column: mean_{u}
-- name: Miner to miner, mean per transaction ({U})
-- definition: MinerToMinerTotal{U} over MinerToMinerTxCnt; NULL without a transaction.
-- unit: {U}
-- vendor: CryptoQuant btc/inter-entity-flows/miner-to-miner flow_mean
-- metric: MinerToMinerTxCnt
-- column: tx_count
-- name: Miner to miner, transactions
-- definition: transactions that moved an amount > 0 so.
-- unit: transactions
-- vendor: CryptoQuant btc/inter-entity-flows/miner-to-miner transactions_count_flow
-- grain: profile, day, miner, counterparty: final calendar days from the first on which the two
--   met
-- category: miner flows
-- source: miner_pair_calendar; methodology section 7
-- drill: miner_flow_txs WHERE flow = 'to_miner'
-- also: hours, blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_to_miner AS
SELECT * EXCLUDE (flow)
FROM miner_pair_calendar
WHERE flow = 'to_miner';
CREATE OR REPLACE VIEW miner_to_miner_{also} AS
SELECT * EXCLUDE (flow)
FROM miner_flow_{also}
WHERE flow = 'to_miner';
