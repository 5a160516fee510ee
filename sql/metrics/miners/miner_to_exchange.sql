-- metric: MinerToExchangeTotal{U}
-- column: total_{u}
-- name: Miner to exchange, total ({U})
-- definition: what a miner's wallet sent to addresses of an exchange, the counterparty; all_miner
--   and all_exchange are all of them together.
-- unit: {U}
-- vendor: CryptoQuant btc/inter-entity-flows/miner-to-exchange flow_total
-- metric: MinerToExchangeMean{U}
-- column: mean_{u}
-- name: Miner to exchange, mean per transaction ({U})
-- definition: MinerToExchangeTotal{U} over MinerToExchangeTxCnt; NULL without a transaction.
-- unit: {U}
-- vendor: CryptoQuant btc/inter-entity-flows/miner-to-exchange flow_mean
-- metric: MinerToExchangeTxCnt
-- column: tx_count
-- name: Miner to exchange, transactions
-- definition: transactions that moved an amount > 0 so.
-- unit: transactions
-- vendor: CryptoQuant btc/inter-entity-flows/miner-to-exchange transactions_count_flow
-- grain: profile, day, miner, counterparty: final calendar days from the first on which the two
--   met
-- category: miner flows
-- source: miner_pair_calendar; methodology section 7
-- drill: miner_flow_txs WHERE flow = 'to_exchange'
-- also: hours, blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_to_exchange AS
SELECT * EXCLUDE (flow)
FROM miner_pair_calendar
WHERE flow = 'to_exchange';
CREATE OR REPLACE VIEW miner_to_exchange_{also} AS
SELECT * EXCLUDE (flow)
FROM miner_flow_{also}
WHERE flow = 'to_exchange';
