-- row: an address that bears more than one exchange label.
-- source: labels
SELECT address, list(exchange ORDER BY exchange) AS exchanges
FROM labels
GROUP BY address
HAVING count(*) > 1;
