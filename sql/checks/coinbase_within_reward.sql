-- row: a block whose coinbase pays out more than subsidy and fees.
-- source: blocks
SELECT height, hash, coinbase_sat, subsidy_sat, spent_sat - created_sat AS fees_sat
FROM blocks
WHERE height >= getvariable('since_height')
    AND coinbase_sat > subsidy_sat + spent_sat - created_sat;
