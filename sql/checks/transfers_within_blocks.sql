-- row: a block whose transfers sum to more than the outputs of its transactions (or of its
--   coinbase), or transfers that belong to no block or to another day than their block's.
-- source: transfer_facts, blocks
WITH sums AS (
    SELECT profile, height, day, is_coinbase, sum(value_sat) AS value_sat
    FROM transfer_facts
    WHERE height >= getvariable('since_height')
    GROUP BY profile, height, day, is_coinbase
)
SELECT
    sums.profile, sums.height, sums.day, sums.is_coinbase, sums.value_sat,
    blocks.created_sat, blocks.coinbase_sat
FROM sums
LEFT JOIN blocks ON blocks.height = sums.height AND blocks.day = sums.day
WHERE blocks.height IS NULL
    OR sums.value_sat > CASE WHEN is_coinbase THEN coinbase_sat ELSE created_sat END;
