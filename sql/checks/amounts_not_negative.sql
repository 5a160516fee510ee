-- row: a table with an amount or a count that cannot be: a transfer or flow of nothing or less, a
--   negative sum or balance.
-- source: blocks, transfer_facts, daily_flows, supply
WITH lowest AS (
    SELECT 'transfer_facts' AS found, 1 AS allowed, min(value_sat) AS lowest
    FROM transfer_facts
    WHERE height >= getvariable('since_height')
    UNION ALL
    SELECT 'daily_flows', 1, least(min(value_sat), min(tx_count))
    FROM daily_flows
    WHERE day >= getvariable('since_day')
    UNION ALL
    SELECT 'supply', 0, least(min(hop0_sat), min(hop1_sat))
    FROM supply
    WHERE height >= getvariable('since_height')
    UNION ALL
    SELECT
        'blocks',
        0,
        least(
            min(spent_sat), min(created_sat), min(coinbase_sat), min(input_count), min(output_count),
            min(tx_count) - 1
        )
    FROM blocks
    WHERE height >= getvariable('since_height')
)
SELECT found, lowest, allowed
FROM lowest
WHERE lowest < allowed;
