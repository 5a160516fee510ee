-- row: sums of a run of blocks that cannot be: of nothing or less, of a run that begins above the last
--   indexed block or on another day than its first block's.
-- source: quiet_flow_runs, exchange_flow_runs, blocks
WITH runs AS (
    SELECT
        'quiet_flow_runs' AS found,
        profile,
        first_height,
        day,
        value_sat > 0 AND tx_count > 0 AS is_something
    FROM quiet_flow_runs
    WHERE first_height >= getvariable('since_height')
    UNION ALL
    SELECT
        'exchange_flow_runs',
        profile,
        first_height,
        day,
        in_sat >= 0 AND out_sat >= 0 AND in_sat + out_sat > 0
    FROM exchange_flow_runs
    WHERE first_height >= getvariable('since_height')
)
SELECT runs.found, runs.profile, runs.first_height, runs.day, blocks.day AS block_day
FROM runs
LEFT JOIN blocks ON blocks.height = runs.first_height
WHERE NOT runs.is_something OR blocks.day IS DISTINCT FROM runs.day;
