-- metric: SplyMinersUnspent{U}
-- name: Supply, unspent coinbases ({U})
-- definition: coinbase outputs that were never moved, at the day's end, genesis not counted; NULL
--   where the indexed range does not start at genesis or the outputs moved are not known of each
--   block. The same in every profile.
-- unit: {U}
-- grain: profile, day
-- category: mining supply
-- vendor: Glassnode mining/miners_unspent_supply
-- source: chain_calendar, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW miners_unspent AS
WITH sums AS (
    SELECT
        *,
        sum(coinbase_sat - overwritten_sat - moved_coinbase_sat) OVER so_far AS unspent_sat,
        count(*) OVER so_far = count(moved_coinbase_sat) OVER so_far AS all_known
    FROM chain_calendar
    WINDOW so_far AS (PARTITION BY profile ORDER BY day ROWS UNBOUNDED PRECEDING)
)
SELECT
    metric_days.profile,
    metric_days.day,
    'SplyMinersUnspent' || metric_days.unit AS metric,
    CASE WHEN sums.from_genesis AND sums.all_known THEN
        at_price(sums.unspent_sat, metric_days.per_sat)
    END AS value
FROM metric_days
JOIN sums ON sums.profile = metric_days.profile AND sums.day = metric_days.day;
