-- metric: TxCnt
-- name: Transactions, count
-- definition: transactions of the day, coinbases not counted. The same in every profile.
-- unit: transactions
-- grain: profile, day
-- category: transactions
-- vendor: Coin Metrics TxCnt
-- source: chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW tx_cnt AS
SELECT profile, day, 'TxCnt' AS metric, tx_count AS value
FROM chain_calendar;
