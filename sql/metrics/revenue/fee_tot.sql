-- metric: FeeTot{U}
-- name: Fees, total ({U})
-- definition: what the transactions of the day spend and do not pay out. The same in every
--   profile.
-- unit: {U}
-- grain: profile, day
-- category: fees
-- vendor: Coin Metrics FeeTot{U}
-- source: chain_calendar, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW fee_tot AS
SELECT
    metric_days.profile,
    metric_days.day,
    'FeeTot' || metric_days.unit AS metric,
    at_price(chain.fee_sat, metric_days.per_sat) AS value
FROM metric_days
JOIN chain_calendar AS chain
    ON chain.profile = metric_days.profile AND chain.day = metric_days.day;
