-- row: a transaction that is recorded as a CoinJoin more than once (the first rule that fits names
--   it).
-- source: coinjoins; methodology section 4
SELECT height, txid, list(rule ORDER BY rule) AS rules
FROM coinjoins
WHERE height >= getvariable('since_height')
GROUP BY height, txid
HAVING count(*) > 1;
