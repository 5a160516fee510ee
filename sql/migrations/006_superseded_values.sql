-- Values of metrics that were published and that a later job has changed: what a day's number was, until
-- when. What was not known before is not here; neither is what a running day was.
CREATE TABLE superseded_values (
    metric VARCHAR NOT NULL,
    day DATE NOT NULL,
    profile VARCHAR,                       -- NULL where the metric is the same in every profile, or has none
    miner VARCHAR,                         -- NULL where the metric is none of single miners
    counterparty VARCHAR,                  -- NULL where the metric is none of pairs
    value DECIMAL(38, 18) NOT NULL,
    until TIMESTAMP NOT NULL               -- UTC, of the job that published another
);
