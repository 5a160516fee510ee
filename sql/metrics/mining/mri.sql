-- metric: MRI{N}HopAll30d
-- name: Miners' rolling inventory, {N} hop, 30 days
-- definition: FlowMinerOut{N}HopAllNtv of the last 30 calendar days together, this day included,
--   over RevNtv of the same days; NULL until they are full or where nothing was earned.
-- unit: ratio
-- grain: profile, day
-- category: mining flows
-- vendor: Coin Metrics MRI{N}HopAll30d
-- source: flow_miner_out, rev
-- since: 0.1
CREATE OR REPLACE VIEW mri AS
SELECT
    sent.profile,
    sent.day,
    'MRI' || hops.n || 'HopAll30d' AS metric,
    CASE WHEN count(*) OVER month = 30 THEN
        CAST(sum(sent.value) OVER month AS DOUBLE)
        / nullif(CAST(sum(rev.value) OVER month AS DOUBLE), 0)
    END AS value
FROM (VALUES (0), (1)) AS hops (n)
JOIN flow_miner_out AS sent ON sent.metric = 'FlowMinerOut' || hops.n || 'HopAllNtv'
JOIN rev ON rev.profile = sent.profile AND rev.day = sent.day AND rev.metric = 'RevNtv'
WINDOW month AS (PARTITION BY sent.profile, hops.n ORDER BY sent.day ROWS 29 PRECEDING);
