-- metric: ExchangeToMinerTotal{U}
-- column: total_{u}
-- name: Exchange to miner, total ({U})
-- definition: what a miner's wallet received from addresses of an exchange, the counterparty;
--   all_miner and all_exchange are all of them together.
-- unit: {U}
-- vendor: CryptoQuant btc/inter-entity-flows/exchange-to-miner flow_total
-- metric: ExchangeToMinerMean{U}
-- column: mean_{u}
-- name: Exchange to miner, mean per transaction ({U})
-- definition: ExchangeToMinerTotal{U} over ExchangeToMinerTxCnt; NULL without a transaction.
-- unit: {U}
-- vendor: CryptoQuant btc/inter-entity-flows/exchange-to-miner flow_mean
-- metric: ExchangeToMinerTxCnt
-- column: tx_count
-- name: Exchange to miner, transactions
-- definition: transactions that moved an amount > 0 so.
-- unit: transactions
-- vendor: CryptoQuant btc/inter-entity-flows/exchange-to-miner transactions_count_flow
-- grain: profile, day, miner, counterparty: final calendar days from the first on which the two
--   met
-- category: miner flows
-- source: miner_pair_calendar; methodology section 7
-- drill: miner_flow_txs WHERE flow = 'from_exchange'
-- also: hours, blocks
-- since: 0.1
CREATE OR REPLACE VIEW exchange_to_miner AS
SELECT * EXCLUDE (flow)
FROM miner_pair_calendar
WHERE flow = 'from_exchange';
CREATE OR REPLACE VIEW exchange_to_miner_{also} AS
SELECT * EXCLUDE (flow)
FROM miner_flow_{also}
WHERE flow = 'from_exchange';
