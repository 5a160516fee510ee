-- metric: MinerInHouseTotal{U}
-- column: total_{u}
-- name: Miner in-house flow, total ({U})
-- definition: what moved within a miner's wallet, change left out: transfers between its own
--   addresses; for all_miner between addresses of any miners.
-- unit: {U}
-- vendor: CryptoQuant btc/miner-flows/in-house-flow flow_total
-- metric: MinerInHouseMean{U}
-- column: mean_{u}
-- name: Miner in-house flow, mean per transaction ({U})
-- definition: MinerInHouseTotal{U} over MinerInHouseTxCnt; NULL without a transaction.
-- unit: {U}
-- vendor: CryptoQuant btc/miner-flows/in-house-flow flow_mean
-- metric: MinerInHouseTxCnt
-- column: tx_count
-- name: Miner in-house flow, transactions
-- definition: transactions that moved an amount > 0 so.
-- unit: transactions
-- vendor: CryptoQuant btc/miner-flows/in-house-flow transactions_count_flow
-- grain: profile, day, miner: every final calendar day for each pool that ever appears
-- category: miner flows
-- source: miner_flow_calendar; methodology section 7
-- drill: miner_flow_txs WHERE flow = 'in_house'
-- also: hours, blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_in_house AS
SELECT * EXCLUDE (flow)
FROM miner_flow_calendar
WHERE flow = 'in_house';
CREATE OR REPLACE VIEW miner_in_house_{also} AS
SELECT * EXCLUDE (flow, counterparty)
FROM miner_flow_{also}
WHERE flow = 'in_house';
