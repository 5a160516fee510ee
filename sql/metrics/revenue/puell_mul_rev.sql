-- metric: PuellMulRev
-- name: Puell multiple, revenue
-- definition: RevUSD over its mean of the last 365 calendar days, this day included, those
--   without blocks as 0; NULL until they are full, where one has no price or all are 0. The same in
--   every profile.
-- unit: ratio
-- grain: profile, day
-- category: mining revenue
-- vendor: Coin Metrics PuellMulRev
-- source: rev, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW puell_mul_rev AS
WITH days AS (
    SELECT rev.profile, rev.day, coalesce(rev.value, 0 * metric_days.per_sat) AS value
    FROM rev
    JOIN metric_days
        ON metric_days.profile = rev.profile AND metric_days.day = rev.day
        AND metric_days.unit = 'USD'
    WHERE rev.metric = 'RevUSD'
)
SELECT
    profile,
    day,
    'PuellMulRev' AS metric,
    CASE WHEN count(value) OVER year = 365 THEN
        CAST(value AS DOUBLE) * 365 / nullif(CAST(sum(value) OVER year AS DOUBLE), 0)
    END AS value
FROM days
WINDOW year AS (PARTITION BY profile ORDER BY day ROWS 364 PRECEDING);
