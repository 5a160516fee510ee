-- Which label and price files results rest on, so that one that is lost or changed later is noticed.

-- One row per file that was given in place of the shipped one.
CREATE TABLE input_files (
    name VARCHAR NOT NULL,                 -- pools.json, exchanges.csv or prices.csv
    sha256 VARCHAR NOT NULL                -- of its bytes, in hex
);
