-- metric: miner_outflow
-- name: Miner outflow and Miners' Position Index
-- definition: what a miner's wallet (the pool's addresses within one hop of its coinbases;
--   all_miner: everyone's) sent to others, per day, and how unusual that is.
-- column: total_sat: sent to addresses outside the wallet, in satoshis
-- column: tx_count: transactions that did so
-- column: mean_btc: total per transaction, in BTC; NULL without any
-- column: top10_sat: the ten largest transactions together, in satoshis
-- column: mean_ma7_btc: average of mean_btc over those of the last 7 calendar days that have one
-- column: total_usd: total at the day's price, in US dollars
-- column: capitulation_index: total_usd over its mean of the last 365 calendar days
-- column: mpi: z-score of capitulation_index over the last 365 calendar days
-- unit: see the columns; NULL until a window is full, where a divisor is 0 or a price is missing
-- grain: profile, day, miner: every final calendar day for each pool that ever appears
-- category: miner flows
-- vendor: CryptoQuant miner outflow, MPI
-- source: outflow_days, daily_flows (for the pools), metric_days; methodology section 7
CREATE OR REPLACE VIEW miner_outflow AS
WITH miners AS (
    SELECT profile, src_pool AS miner FROM daily_flows WHERE src_hop IS NOT NULL
    UNION
    SELECT profile, dst_pool AS miner FROM daily_flows WHERE dst_hop IS NOT NULL
    UNION
    SELECT profile, 'all_miner' AS miner FROM metric_days
),
totals AS (
    SELECT
        metric_days.profile,
        metric_days.day,
        miners.miner,
        coalesce(sent.total_sat, 0) AS total_sat,
        coalesce(sent.tx_count, 0) AS tx_count,
        sent.total_sat / sent.tx_count / 1e8 AS mean_btc,
        coalesce(sent.top10_sat, 0) AS top10_sat,
        CAST(coalesce(sent.total_sat, 0) AS DECIMAL(18, 0)) * metric_days.per_sat AS total_usd
    FROM metric_days
    JOIN miners ON miners.profile = metric_days.profile
    LEFT JOIN outflow_days AS sent
        ON sent.profile = metric_days.profile
        AND sent.day = metric_days.day
        AND sent.miner = miners.miner
    WHERE metric_days.unit = 'USD'
),
weighed AS (
    SELECT
        *,
        CASE WHEN count(*) OVER week = 7 THEN avg(mean_btc) OVER week END AS mean_ma7_btc,
        -- The sum is exact, so that a year of equal totals gives mpi a spread of just 0.
        CASE WHEN count(total_usd) OVER year = 365 THEN
            CAST(total_usd AS DOUBLE) * 365
            / nullif(CAST(sum(total_usd) OVER year AS DOUBLE), 0)
        END AS capitulation_index
    FROM totals
    WINDOW
        week AS (PARTITION BY profile, miner ORDER BY day ROWS 6 PRECEDING),
        year AS (PARTITION BY profile, miner ORDER BY day ROWS 364 PRECEDING)
)
SELECT
    profile,
    day,
    miner,
    total_sat,
    tx_count,
    mean_btc,
    top10_sat,
    mean_ma7_btc,
    total_usd,
    capitulation_index,
    CASE WHEN count(capitulation_index) OVER year = 365 THEN
        (capitulation_index - avg(capitulation_index) OVER year)
        / nullif(stddev_samp(capitulation_index) OVER year, 0)
    END AS mpi
FROM weighed
WINDOW year AS (PARTITION BY profile, miner ORDER BY day ROWS 364 PRECEDING);
