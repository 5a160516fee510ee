-- What an amount of satoshis is in BTC, and at a price, where per_sat is what one satoshi is worth (see
-- the view metric_days). Exact: no DOUBLE comes near an amount.
CREATE OR REPLACE MACRO in_btc(amount_sat) AS CAST(amount_sat AS DECIMAL(18, 0)) * 0.00000001;
CREATE OR REPLACE MACRO at_price(amount_sat, per_sat) AS
    CAST(amount_sat AS DECIMAL(18, 0)) * per_sat;
