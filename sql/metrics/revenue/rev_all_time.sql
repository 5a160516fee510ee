-- metric: RevAllTimeUSD
-- name: Revenue, miners, all time (USD)
-- definition: sum of RevUSD over all days up to this one. Days before the first price count
--   nothing; NULL before it, after a later day without price, and where the indexed range does not
--   start at genesis. The same in every profile.
-- unit: USD
-- grain: profile, day
-- category: mining revenue
-- vendor: Coin Metrics RevAllTimeUSD
-- source: rev, chain_calendar, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW rev_all_time AS
WITH days AS (
    SELECT
        rev.profile,
        rev.day,
        chain.from_genesis,
        coalesce(rev.value, 0 * metric_days.per_sat) AS value
    FROM rev
    JOIN chain_calendar AS chain ON chain.profile = rev.profile AND chain.day = rev.day
    JOIN metric_days
        ON metric_days.profile = rev.profile AND metric_days.day = rev.day
        AND metric_days.unit = 'USD'
    WHERE rev.metric = 'RevUSD'
),
sums AS (
    SELECT
        profile,
        day,
        from_genesis,
        sum(value) OVER so_far AS total,
        count(value) OVER so_far AS priced_days,
        day - min(CASE WHEN value IS NOT NULL THEN day END) OVER so_far + 1 AS days
    FROM days
    WINDOW so_far AS (PARTITION BY profile ORDER BY day ROWS UNBOUNDED PRECEDING)
)
SELECT
    profile,
    day,
    'RevAllTimeUSD' AS metric,
    CASE WHEN from_genesis AND priced_days = days THEN CAST(total AS DECIMAL(38, 18)) END AS value
FROM sums;
