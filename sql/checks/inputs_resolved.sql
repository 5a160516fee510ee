-- row: a chunk of the lake that does not hold exactly the transactions, spent outputs and outputs of
--   its blocks, so that an input's spent output is not known; or a block that is in no chunk.
-- source: chunks, blocks, chain. A chunk that begins before the indexed range is only partly used.
WITH counted AS (
    SELECT
        chunks.*,
        sum(blocks.tx_count) AS block_txs,
        sum(blocks.input_count) AS block_inputs,
        sum(blocks.output_count) AS block_outputs
    FROM chunks
    LEFT JOIN blocks ON blocks.height BETWEEN chunks.first_height AND chunks.last_height
    WHERE chunks.first_height >= (SELECT first_height FROM chain)
    GROUP BY ALL
)
SELECT *
FROM counted
WHERE txs IS DISTINCT FROM block_txs
    OR inputs IS DISTINCT FROM block_inputs
    OR outputs IS DISTINCT FROM block_outputs
UNION ALL
SELECT height, height, NULL, NULL, NULL, tx_count, input_count, output_count
FROM blocks
WHERE NOT EXISTS (
    SELECT 1 FROM chunks WHERE blocks.height BETWEEN chunks.first_height AND chunks.last_height
);
