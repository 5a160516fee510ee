-- metric: MOMR
-- name: Miner outflow to miner revenue
-- definition: FlowMinerOut1HopAllNtv over RevNtv; NULL where nothing was earned.
-- unit: ratio
-- grain: profile, day
-- category: mining flows
-- vendor: Coin Metrics MOMR
-- source: flow_miner_out, rev
-- since: 0.1
CREATE OR REPLACE VIEW momr AS
SELECT
    sent.profile,
    sent.day,
    'MOMR' AS metric,
    CAST(sent.value AS DOUBLE) / nullif(CAST(rev.value AS DOUBLE), 0) AS value
FROM flow_miner_out AS sent
JOIN rev ON rev.profile = sent.profile AND rev.day = sent.day AND rev.metric = 'RevNtv'
WHERE sent.metric = 'FlowMinerOut1HopAllNtv';
