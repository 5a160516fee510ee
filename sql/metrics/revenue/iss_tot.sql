-- metric: IssTot{U}
-- name: Issuance, total ({U})
-- definition: coins that the coinbases of the day create: their outputs less the fees, genesis
--   not counted; NULL on a day without blocks. The same in every profile.
-- unit: {U}
-- grain: profile, day
-- category: supply
-- vendor: Coin Metrics IssTot{U}
-- source: chain_calendar, metric_days
-- since: 0.1
CREATE OR REPLACE VIEW iss_tot AS
SELECT
    metric_days.profile,
    metric_days.day,
    'IssTot' || metric_days.unit AS metric,
    CASE WHEN chain.block_count > 0 THEN
        at_price(chain.coinbase_sat - chain.fee_sat, metric_days.per_sat)
    END AS value
FROM metric_days
JOIN chain_calendar AS chain
    ON chain.profile = metric_days.profile AND chain.day = metric_days.day;
