-- table: chain_days
-- definition: what the blocks of a day hold together, genesis not counted; days without such blocks
--   have no row. Materialised: a day's number needs each of its blocks.
--   transfer_count, transfer_sat and moved_coinbase_sat are NULL where they are not known of each
--   block. overwritten_sat is the coinbases of mainnet that the blocks 91842 and 91880 replaced by
--   identical ones, so that they can never be spent.
-- unit: satoshis, counts, difficulty (1 is that of genesis on mainnet)
-- grain: day
-- source: blocks, chain_stats, chain; methodology sections 1 and 2
-- build: by days, from the variable first_day to last_day
CREATE TABLE IF NOT EXISTS chain_days (
    day DATE NOT NULL,
    block_count BIGINT NOT NULL,
    tx_count BIGINT NOT NULL,
    fee_sat BIGINT NOT NULL,
    coinbase_sat BIGINT NOT NULL,
    overwritten_sat BIGINT NOT NULL,
    difficulty_sum DOUBLE,
    transfer_count BIGINT,
    transfer_sat BIGINT,
    moved_coinbase_sat BIGINT
);
DELETE FROM chain_days
WHERE day BETWEEN getvariable('first_day') AND getvariable('last_day');
INSERT INTO chain_days
WITH difficulties AS (
    -- The target is mantissa x 256^(exponent - 3); difficulty 1 has 65535 x 256^(29 - 3).
    SELECT
        day,
        bits,
        count(*) * 65535 / nullif(bits & 16777215, 0) * pow(256.0, 29 - (bits >> 24)) AS difficulty
    FROM blocks
    WHERE height > 0 AND day BETWEEN getvariable('first_day') AND getvariable('last_day')
    GROUP BY day, bits
),
difficulty_days AS (
    -- In the order of bits: the last digits of a sum of DOUBLEs depend on the order of its parts.
    SELECT day, sum(difficulty ORDER BY bits) AS difficulty_sum
    FROM difficulties
    GROUP BY day
),
sums AS (
    SELECT
        day,
        count(*) AS block_count,
        CAST(sum(tx_count - 1) AS BIGINT) AS tx_count,
        CAST(sum(spent_sat - created_sat) AS BIGINT) AS fee_sat,
        CAST(sum(coinbase_sat) AS BIGINT) AS coinbase_sat,
        count(*) FILTER (
            height IN (91842, 91880) AND (SELECT network FROM chain) = 'mainnet'
        ) * 5000000000 AS overwritten_sat
    FROM blocks
    WHERE height > 0 AND day BETWEEN getvariable('first_day') AND getvariable('last_day')
    GROUP BY day
),
known AS (
    -- Of days of which each block is known, which the join at the end asks for.
    SELECT
        blocks.day,
        count(*) AS block_count,
        CAST(sum(chain_stats.transfer_count) AS BIGINT) AS transfer_count,
        CAST(sum(chain_stats.transfer_sat) AS BIGINT) AS transfer_sat,
        CAST(sum(chain_stats.moved_coinbase_sat) AS BIGINT) AS moved_coinbase_sat
    FROM chain_stats
    JOIN blocks ON blocks.height = chain_stats.height
    WHERE blocks.height > 0 AND blocks.day BETWEEN getvariable('first_day') AND getvariable('last_day')
    GROUP BY blocks.day
)
SELECT
    sums.*,
    difficulty_days.difficulty_sum,
    known.transfer_count,
    known.transfer_sat,
    known.moved_coinbase_sat
FROM sums
JOIN difficulty_days ON difficulty_days.day = sums.day
LEFT JOIN known ON known.day = sums.day AND known.block_count = sums.block_count
ORDER BY sums.day;
