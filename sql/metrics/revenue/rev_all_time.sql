-- metric: RevAllTimeUSD
-- name: Revenue, miners, all time (USD)
-- definition: sum of RevUSD over all days up to this one. Days before the first price count
--   nothing; NULL before it, after a later day without price, and where the indexed range does not
--   start at genesis. The same in every profile.
-- unit: USD
-- grain: profile, day
-- category: mining revenue
-- vendor: Coin Metrics RevAllTimeUSD
-- source: rev, chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW rev_all_time AS
WITH sums AS (
    SELECT
        rev.profile,
        rev.day,
        chain.from_genesis,
        sum(rev.value) OVER so_far AS total,
        count(rev.value) OVER so_far AS priced_days,
        rev.day - min(CASE WHEN rev.value IS NOT NULL THEN rev.day END) OVER so_far + 1 AS days
    FROM rev
    JOIN chain_calendar AS chain ON chain.profile = rev.profile AND chain.day = rev.day
    WHERE rev.metric = 'RevUSD'
    WINDOW so_far AS (PARTITION BY rev.profile ORDER BY rev.day ROWS UNBOUNDED PRECEDING)
)
SELECT
    profile,
    day,
    'RevAllTimeUSD' AS metric,
    CASE WHEN from_genesis AND priced_days = days THEN CAST(total AS DECIMAL(38, 18)) END AS value
FROM sums;
