-- row: a day on which the net flows of the exchanges sum to another net flow than that of all exchanges
--   taken as one, or on which an exchange has two rows, negative flows or flows without blocks.
-- source: exchange_flows, days
SELECT profile, day
FROM exchange_flows
WHERE day >= getvariable('since_day')
GROUP BY profile, day
HAVING
    sum(in_sat - out_sat) FILTER (exchange <> 'all_exchange')
    <> coalesce(sum(in_sat - out_sat) FILTER (exchange = 'all_exchange'), 0)
    OR count(*) <> count(DISTINCT exchange)
    OR min(in_sat) < 0
    OR min(out_sat) < 0
    OR day NOT IN (SELECT day FROM days);
