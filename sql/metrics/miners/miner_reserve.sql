-- metric: MinerReserveNtv
-- column: total_btc
-- name: Miner reserve (BTC)
-- definition: balances of all addresses of a miner's wallet after the day's last block; NULL
--   where the indexed range does not start at genesis.
-- unit: BTC
-- vendor: CryptoQuant btc/miner-flows/reserve reserve
-- metric: MinerReserveUSD
-- column: total_usd
-- name: Miner reserve (USD)
-- definition: MinerReserveNtv at the day's price; NULL without one.
-- unit: USD
-- vendor: CryptoQuant btc/miner-flows/reserve reserve_usd
-- metric: MinerSupplyRatio
-- column: supply_ratio
-- name: Miner supply ratio
-- definition: MinerReserveNtv over SplyCur.
-- unit: share
-- vendor: CryptoQuant btc/flow-indicator/miner-supply-ratio miner_supply_ratio
-- grain: profile, day, miner: every final calendar day for each pool that ever holds something
-- category: miner supply
-- source: supply (for all_miner), pool_supply, metric_days, sply_cur
-- since: 0.1
CREATE OR REPLACE VIEW miner_reserve AS
WITH held AS (
    SELECT profile, height, pool AS miner, hop1_sat AS total_sat FROM pool_supply
    UNION ALL
    SELECT profile, height, 'all_miner' AS miner, hop1_sat AS total_sat FROM supply
),
holders AS (
    SELECT profile, pool AS miner FROM pool_supply
    UNION
    SELECT profile, 'all_miner' AS miner FROM profiles
),
reserves AS (
    SELECT
        metric_days.profile,
        metric_days.day,
        holders.miner,
        metric_days.per_sat,
        CASE WHEN (SELECT min(first_height) FROM days) = 0 THEN coalesce(held.total_sat, 0) END
            AS total_sat
    FROM metric_days
    JOIN holders ON holders.profile = metric_days.profile
    LEFT JOIN held
        ON held.profile = metric_days.profile
        AND held.height = metric_days.last_height
        AND held.miner = holders.miner
    WHERE metric_days.unit = 'USD'
)
SELECT
    reserves.profile,
    reserves.day,
    reserves.miner,
    reserves.total_sat,
    in_btc(reserves.total_sat) AS total_btc,
    at_price(reserves.total_sat, reserves.per_sat) AS total_usd,
    reserves.total_sat / 1e8 / nullif(CAST(sply_cur.value AS DOUBLE), 0) AS supply_ratio
FROM reserves
JOIN sply_cur ON sply_cur.profile = reserves.profile AND sply_cur.day = reserves.day;
