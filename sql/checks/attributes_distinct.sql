-- row: a code or a combination of attributes that is listed more than once, or a combination that
--   cannot be: a hop without a pool, a pool without a hop, a hop other than 0 and 1.
-- source: attributes; methodology section 5
SELECT
    code,
    hop,
    pool,
    exchange,
    count(*) OVER (PARTITION BY code) AS same_code,
    count(*) OVER (PARTITION BY hop, pool, exchange) AS same_attributes
FROM attributes
QUALIFY same_code > 1
    OR same_attributes > 1
    OR (hop IS NULL) <> (pool IS NULL)
    OR hop NOT IN (0, 1);
