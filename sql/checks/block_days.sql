-- row: a block whose median time past is not the median of its and its ten predecessors' header
--   times, lies before its predecessor's, or falls on another UTC day than the block's.
-- source: blocks; methodology section 1. The first ten blocks of a range that starts after genesis
--   have predecessors that are not indexed: their median is not recomputed.
WITH timed AS (
    SELECT
        height,
        mediantime,
        day,
        lag(mediantime) OVER (ORDER BY height) AS mediantime_before,
        list_sort(list(time) OVER (ORDER BY height ROWS 10 PRECEDING)) AS times
    FROM blocks
    WHERE height >= getvariable('since_height') - 11
)
SELECT height, day, mediantime, mediantime_before, times
FROM timed
WHERE height >= getvariable('since_height')
    AND (
        (mediantime <> times[len(times) // 2 + 1] AND len(times) = least(height + 1, 11))
        OR mediantime < mediantime_before
        OR day <> CAST(make_timestamp(mediantime * 1000000) AS DATE)
    );
