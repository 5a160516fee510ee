-- view: chain_calendar
-- definition: chain_days of every final calendar day, zero where a day has no blocks (the mean
--   difficulty NULL), and the same for each profile. from_genesis says whether sums over all days
--   so far are over the whole chain.
-- unit: satoshis, counts, difficulty
-- grain: profile, day
-- source: calendar, profiles, chain_days, active_addresses, days
CREATE OR REPLACE VIEW chain_calendar AS
SELECT
    profiles.profile,
    calendar.day,
    coalesce(sums.block_count, 0) AS block_count,
    coalesce(sums.tx_count, 0) AS tx_count,
    coalesce(sums.fee_sat, 0) AS fee_sat,
    coalesce(sums.coinbase_sat, 0) AS coinbase_sat,
    coalesce(sums.overwritten_sat, 0) AS overwritten_sat,
    sums.difficulty_sum,
    CASE WHEN sums.day IS NULL THEN 0 ELSE sums.transfer_count END AS transfer_count,
    CASE WHEN sums.day IS NULL THEN 0 ELSE sums.transfer_sat END AS transfer_sat,
    CASE WHEN sums.day IS NULL THEN 0 ELSE sums.moved_coinbase_sat END AS moved_coinbase_sat,
    CASE WHEN sums.day IS NULL THEN 0 ELSE active_addresses.address_count END AS address_count,
    (SELECT min(first_height) FROM days) = 0 AS from_genesis
FROM calendar
CROSS JOIN profiles
LEFT JOIN chain_days AS sums ON sums.day = calendar.day
LEFT JOIN active_addresses ON active_addresses.day = calendar.day;
