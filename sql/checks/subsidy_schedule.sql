-- row: a block whose subsidy is not 50 BTC halved, in whole satoshis, once per halving interval.
-- source: blocks, chain
SELECT height, hash, subsidy_sat, halving_interval
FROM blocks
CROSS JOIN chain
WHERE height >= getvariable('since_height')
    AND subsidy_sat <> CAST(5000000000 AS BIGINT) >> least(height // halving_interval, 62);
