-- metric: TxTfrVal{U}
-- name: Transfers, value ({U})
-- definition: value of the transfers that TxTfrCnt counts; NULL where it is not known of each
--   block. The same in every profile.
-- unit: {U}
-- grain: profile, day
-- category: transactions
-- vendor: Coin Metrics TxTfrVal{U}
-- source: chain_calendar, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW tx_tfr_val AS
SELECT
    metric_days.profile,
    metric_days.day,
    'TxTfrVal' || metric_days.unit AS metric,
    at_price(chain.transfer_sat, metric_days.per_sat) AS value
FROM metric_days
JOIN chain_calendar AS chain
    ON chain.profile = metric_days.profile AND chain.day = metric_days.day;
