-- metric: Rev{U}
-- name: Revenue, miners ({U})
-- definition: what the coinbases of the day pay out: issuance and fees together, genesis not
--   counted; NULL on a day without blocks. The same in every profile.
-- unit: {U}
-- grain: profile, day
-- category: mining revenue
-- vendor: Coin Metrics Rev{U}
-- source: chain_calendar, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW rev AS
SELECT
    metric_days.profile,
    metric_days.day,
    'Rev' || metric_days.unit AS metric,
    CASE WHEN chain.block_count > 0 THEN
        at_price(chain.coinbase_sat, metric_days.per_sat)
    END AS value
FROM metric_days
JOIN chain_calendar AS chain
    ON chain.profile = metric_days.profile AND chain.day = metric_days.day;
