-- metric: TxTfrCnt
-- name: Transfers, count
-- definition: outputs with value > 0, not OP_RETURN, of transactions that are not coinbases, to
--   none of their transaction's input addresses; NULL where it is not known of each block. The same
--   in every profile.
-- unit: transfers
-- grain: profile, day
-- category: transactions
-- vendor: Coin Metrics TxTfrCnt
-- source: chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW tx_tfr_cnt AS
SELECT profile, day, 'TxTfrCnt' AS metric, transfer_count AS value
FROM chain_calendar;
