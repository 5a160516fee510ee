-- metric: SplyCur
-- name: Supply, current (BTC)
-- definition: coins issued up to the day's end, genesis not counted: the sum of IssTotNtv so far
--   less the two coinbases of mainnet that identical ones replaced. Outputs that can never be spent
--   otherwise are counted; NULL where the indexed range does not start at genesis. The same in
--   every profile.
-- unit: BTC
-- grain: profile, day
-- category: supply
-- vendor: Coin Metrics SplyCur
-- source: chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW sply_cur AS
SELECT
    profile,
    day,
    'SplyCur' AS metric,
    CASE WHEN from_genesis THEN
        in_btc(sum(coinbase_sat - fee_sat - overwritten_sat) OVER so_far)
    END AS value
FROM chain_calendar
WINDOW so_far AS (PARTITION BY profile ORDER BY day ROWS UNBOUNDED PRECEDING);
