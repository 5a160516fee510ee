-- row: a day whose coinbase flows are not the outputs of its coinbases, or whose other flows exceed
--   the outputs of its other transactions.
-- source: daily_flows, blocks, profiles; methodology section 6
WITH created AS (
    SELECT day, sum(coinbase_sat) AS coinbase_sat, sum(created_sat) AS created_sat
    FROM blocks
    WHERE day >= getvariable('since_day')
    GROUP BY day
),
flows AS (
    SELECT
        profile,
        day,
        coalesce(sum(value_sat) FILTER (is_coinbase), 0) AS coinbase_flow_sat,
        coalesce(sum(value_sat) FILTER (NOT is_coinbase), 0) AS other_flow_sat
    FROM daily_flows
    WHERE day >= getvariable('since_day')
    GROUP BY profile, day
),
expected AS (
    SELECT profiles.profile, created.*
    FROM created
    CROSS JOIN (SELECT profile FROM profiles) AS profiles
)
SELECT profile, day, coinbase_flow_sat, coinbase_sat, other_flow_sat, created_sat
FROM expected
FULL JOIN flows USING (profile, day)
WHERE coalesce(coinbase_flow_sat, 0) <> coalesce(coinbase_sat, 0)
    OR coalesce(other_flow_sat, 0) > coalesce(created_sat, 0);
