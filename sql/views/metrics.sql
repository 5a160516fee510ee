-- view: metrics
-- definition: every metric with one value per profile and day, all their views together. In the
--   headers of the views {N} stands for 0 and 1, {U} for the units Ntv (BTC) and USD, {X} for the
--   codes and {exchange} for the names in exchange_codes, any other letter for its choices. A view
--   by itself answers faster, and holds ratios with all their digits.
-- unit: by metric; Ntv values are exact to the satoshi, USD values exact products of Ntv and price,
--   ratios have 18 decimal places
-- grain: profile, day, metric; each final calendar day has a row for each, NULL where not known
-- source: the views of sql/metrics that name metrics in rows
-- each: a SELECT for every view of sql/metrics with the columns profile, day, metric and value
-- since: 0.1
CREATE OR REPLACE VIEW metrics AS
SELECT profile, day, metric, CAST(value AS DECIMAL(38, 18)) AS value
FROM {view};
