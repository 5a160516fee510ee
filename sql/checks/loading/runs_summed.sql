-- row: a day on which an exchange's flows are not the sum of its runs, or quiet flows not that of theirs.
-- source: quiet_flow_runs, daily_flows, exchange_flow_runs, exchange_flows
WITH given AS (
    SELECT profile, day, exchange, sum(in_sat) AS a, sum(out_sat) AS b
    FROM exchange_flow_runs
    WHERE day >= getvariable('since_day')
    GROUP BY profile, day, exchange
    UNION ALL
    SELECT profile, day, 'quiet', sum(value_sat), sum(tx_count)
    FROM quiet_flow_runs
    WHERE day >= getvariable('since_day')
    GROUP BY profile, day
),
published AS (
    SELECT profile, day, exchange, in_sat AS a, out_sat AS b
    FROM exchange_flows
    WHERE day >= getvariable('since_day')
    UNION ALL
    SELECT profile, day, 'quiet', sum(value_sat), sum(tx_count)
    FROM daily_flows
    WHERE day >= getvariable('since_day') AND src_hop IS NULL AND dst_hop IS NULL
    GROUP BY profile, day
)
SELECT 'only in runs' AS found, * FROM (FROM given EXCEPT ALL FROM published)
UNION ALL
SELECT 'only per day' AS found, * FROM (FROM published EXCEPT ALL FROM given);
