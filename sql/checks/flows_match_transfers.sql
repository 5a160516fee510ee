-- row: a day on which the transfers and daily_flows do not agree on the sum, or the count of
--   transactions, between addresses of given hops.
-- source: transfers, daily_flows
WITH listed AS (
    SELECT
        profile, day, is_coinbase, src_hop, dst_hop,
        sum(value_sat) AS value_sat, count(*) AS tx_count
    FROM transfers
    WHERE day >= getvariable('since_day')
    GROUP BY profile, day, is_coinbase, src_hop, dst_hop
),
summed AS (
    SELECT
        profile, day, is_coinbase, src_hop, dst_hop,
        sum(value_sat) AS value_sat, sum(tx_count) AS tx_count
    FROM daily_flows
    WHERE day >= getvariable('since_day') AND (src_hop IS NOT NULL OR dst_hop IS NOT NULL)
    GROUP BY profile, day, is_coinbase, src_hop, dst_hop
)
SELECT 'only in transfers' AS found, * FROM (FROM listed EXCEPT ALL FROM summed)
UNION ALL
SELECT 'only in daily_flows' AS found, * FROM (FROM summed EXCEPT ALL FROM listed);
