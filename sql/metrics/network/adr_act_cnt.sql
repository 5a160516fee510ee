-- metric: AdrActCnt
-- name: Addresses, active, count
-- definition: distinct identities in the day's inputs and ownable outputs, genesis not counted;
--   NULL where it is not known. The same in every profile.
-- unit: addresses
-- grain: profile, day
-- category: addresses
-- vendor: Coin Metrics AdrActCnt
-- source: chain_calendar
-- since: 0.1
CREATE OR REPLACE VIEW adr_act_cnt AS
SELECT profile, day, 'AdrActCnt' AS metric, address_count AS value
FROM chain_calendar;
