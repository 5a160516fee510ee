-- row: a block with a transaction that creates more than it spends, or that does so as a whole.
-- source: blocks
SELECT height, hash, overspending_txs, spent_sat, created_sat
FROM blocks
WHERE height >= getvariable('since_height')
    AND (overspending_txs <> 0 OR spent_sat < created_sat);
