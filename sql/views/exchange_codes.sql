-- view: exchange_codes
-- definition: the exchanges that have metrics of their own, with the code {X} in their ids and the
--   name that the exchange labels give them.
-- grain: code
-- source: methodology section 7
CREATE OR REPLACE VIEW exchange_codes AS
SELECT code, exchange
FROM (
    VALUES
        ('BFX', 'Bitfinex'),
        ('BMX', 'BitMEX'),
        ('BNB', 'Binance'),
        ('BSP', 'Bitstamp'),
        ('BTX', 'Bittrex'),
        ('GEM', 'Gemini'),
        ('HUO', 'Huobi'),
        ('KRK', 'Kraken'),
        ('POL', 'Poloniex'),
        ('BIT', 'Bybit'),
        ('CBS', 'Coinbase'),
        ('CRO', 'Crypto.com'),
        ('DER', 'Deribit'),
        ('GIO', 'Gate.io'),
        ('HBT', 'HitBTC'),
        ('KCN', 'KuCoin'),
        ('KOR', 'Korbit'),
        ('MXC', 'MEXC'),
        ('NBX', 'NBX'),
        ('OKX', 'OKX'),
        ('SBG', 'SwissBorg')
) AS listed (code, exchange);
