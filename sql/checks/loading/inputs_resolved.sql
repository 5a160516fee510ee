-- row: a chunk of the lake that does not hold exactly the transactions, spent outputs and outputs
--   of its blocks, so that an input's spent output is not known; or heights that are in no chunk.
-- source: chunks, blocks, chain. A chunk that begins before the indexed range is only partly used.
WITH running AS (
    SELECT
        height,
        sum(tx_count) OVER (ORDER BY height) AS txs,
        sum(input_count) OVER (ORDER BY height) AS inputs,
        sum(output_count) OVER (ORDER BY height) AS outputs
    FROM blocks
),
counted AS (
    SELECT
        chunks.*,
        latest.txs - coalesce(before.txs, 0) AS block_txs,
        latest.inputs - coalesce(before.inputs, 0) AS block_inputs,
        latest.outputs - coalesce(before.outputs, 0) AS block_outputs
    FROM chunks
    LEFT JOIN running AS latest ON latest.height = chunks.last_height
    LEFT JOIN running AS before ON before.height = chunks.first_height - 1
    WHERE chunks.first_height >= (SELECT first_height FROM chain)
),
ranges AS (
    SELECT first_height, last_height FROM chunks
    UNION ALL
    SELECT max(height) + 1, max(height) + 1 FROM blocks HAVING max(height) IS NOT NULL
),
reached AS (
    SELECT
        first_height,
        max(last_height) OVER (
            ORDER BY first_height ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS last_before
    FROM ranges
)
SELECT *
FROM counted
WHERE txs IS DISTINCT FROM block_txs
    OR inputs IS DISTINCT FROM block_inputs
    OR outputs IS DISTINCT FROM block_outputs
UNION ALL
SELECT coalesce(last_before + 1, min_height), first_height - 1, NULL, NULL, NULL, NULL, NULL, NULL
FROM reached
CROSS JOIN (SELECT min(height) AS min_height FROM blocks) AS lowest
WHERE first_height > coalesce(last_before + 1, min_height);
