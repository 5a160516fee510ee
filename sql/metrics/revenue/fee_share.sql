-- metric: FeeShare
-- name: Revenue from fees, share
-- definition: FeeTotNtv over RevNtv; NULL where nothing was earned. The same in every profile.
-- unit: share
-- grain: profile, day
-- category: mining revenue
-- vendor: Glassnode mining/revenue_from_fees
-- source: chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW fee_share AS
SELECT profile, day, 'FeeShare' AS metric, fee_sat / nullif(coinbase_sat, 0) AS value
FROM chain_calendar;
