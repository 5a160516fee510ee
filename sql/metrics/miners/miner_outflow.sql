-- metric: MinerOutflowTotal{U}
-- column: total_{u}
-- name: Miner outflow, total ({U})
-- definition: what a miner's wallet sent to addresses outside it; a miner's wallet is its pool's
--   addresses within one hop of its coinbases, all_miner's everyone's.
-- unit: {U}
-- vendor: CryptoQuant btc/miner-flows/outflow outflow_total
-- metric: MinerOutflowMean{U}
-- column: mean_{u}
-- name: Miner outflow, mean per transaction ({U})
-- definition: MinerOutflowTotal{U} over MinerOutflowTxCnt; NULL without a transaction.
-- unit: {U}
-- vendor: CryptoQuant btc/miner-flows/outflow outflow_mean
-- metric: MinerOutflowTop10{U}
-- column: top10_{u}
-- name: Miner outflow, ten largest transactions ({U})
-- definition: amounts of the ten transactions with the largest, together.
-- unit: {U}
-- vendor: CryptoQuant btc/miner-flows/outflow outflow_top10
-- metric: MinerOutflowMeanMA7
-- column: mean_ma7_btc
-- name: Miner outflow, mean per transaction, 7 day average (BTC)
-- definition: average of MinerOutflowMeanNtv over those of the last 7 calendar days, this day
--   included, that have one; NULL on the first 6 days.
-- unit: BTC
-- vendor: CryptoQuant btc/miner-flows/outflow outflow_mean_ma7
-- metric: MinerOutflowTxCnt
-- column: tx_count
-- name: Miner outflow, transactions
-- definition: transactions that moved an amount > 0 so.
-- unit: transactions
-- vendor: CryptoQuant btc/miner-flows/transactions-count transactions_count_outflow
-- metric: MinerOutflowMultiple
-- column: outflow_multiple
-- name: Miner outflow multiple
-- definition: MinerOutflowTotalNtv over its mean of the last 365 calendar days, this day
--   included; NULL until they are full or where nothing moved in them.
-- unit: ratio
-- vendor: Glassnode transactions/miners_outflow_multiple
-- metric: CapitulationIndex
-- column: capitulation_index
-- name: Capitulation index
-- definition: MinerOutflowTotalUSD over its mean of the last 365 calendar days, this day
--   included; NULL until they are full, where one has no price or nothing moved in them.
-- unit: ratio
-- vendor: CryptoQuant (part of the Miners' Position Index)
-- metric: MPI
-- column: mpi
-- name: Miners' Position Index
-- definition: CapitulationIndex less its mean of the last 365 calendar days, this day included,
--   in sample standard deviations of these days; NULL until they are full (729 days) or where they
--   are all alike.
-- unit: standard deviations
-- vendor: CryptoQuant btc/flow-indicator/mpi mpi
-- grain: profile, day, miner: every final calendar day for each pool that ever appears
-- category: miner flows
-- source: miner_flow_calendar; methodology section 7
-- drill: miner_flow_txs WHERE flow = 'outflow'
-- also: hours, blocks
-- since: 0.1
CREATE OR REPLACE VIEW miner_outflow AS
WITH weighed AS (
    SELECT
        *,
        CASE WHEN count(*) OVER week = 7 THEN avg(mean_btc) OVER week END AS mean_ma7_btc,
        CASE WHEN count(*) OVER year = 365 THEN
            CAST(total_sat AS DOUBLE) * 365
            / nullif(CAST(sum(total_sat) OVER year AS DOUBLE), 0)
        END AS outflow_multiple,
        -- The sum is exact, so that a year of equal totals gives mpi a spread of just 0.
        CASE WHEN count(total_usd) OVER year = 365 THEN
            CAST(total_usd AS DOUBLE) * 365
            / nullif(CAST(sum(total_usd) OVER year AS DOUBLE), 0)
        END AS capitulation_index
    FROM miner_flow_calendar
    WHERE flow = 'outflow'
    WINDOW
        week AS (PARTITION BY profile, miner ORDER BY day ROWS 6 PRECEDING),
        year AS (PARTITION BY profile, miner ORDER BY day ROWS 364 PRECEDING)
)
SELECT
    * EXCLUDE (flow),
    CASE WHEN count(capitulation_index) OVER year = 365 THEN
        (capitulation_index - avg(capitulation_index) OVER year)
        / nullif(stddev_samp(capitulation_index) OVER year, 0)
    END AS mpi
FROM weighed
WINDOW year AS (PARTITION BY profile, miner ORDER BY day ROWS 364 PRECEDING);
CREATE OR REPLACE VIEW miner_outflow_{also} AS
SELECT * EXCLUDE (flow, counterparty)
FROM miner_flow_{also}
WHERE flow = 'outflow';
