-- What results name addresses by: the id that facts have, and the text of each id once. The old names,
-- addresses and conflicts, are views of these with the same columns (sql/views).
-- A database migrated from before has no rows here until its chain is tracked anew from the lake, which the
-- next job does by itself, since no results rest on the empty digest.
DROP TABLE addresses;
DROP TABLE conflicts;
UPDATE chain SET label_digest = '';

-- One row whenever the attributes of an address change: from since_height on it bears these.
CREATE TABLE address_changes (
    profile VARCHAR NOT NULL,
    address_id UBIGINT NOT NULL,           -- XXH64 of the canonical script
    code INTEGER NOT NULL,                 -- attributes.code
    since_height INTEGER NOT NULL
);

-- Joins refused: a is the transaction's first input address, b the refused one.
CREATE TABLE refused_joins (
    profile VARCHAR NOT NULL,
    height INTEGER NOT NULL,
    txid BLOB NOT NULL,                    -- 32 bytes in display order
    a UBIGINT NOT NULL,                    -- address_texts.address_id, as is b
    b UBIGINT NOT NULL
);

-- One row per address that address_changes or refused_joins names.
CREATE TABLE address_texts (
    address_id UBIGINT NOT NULL,
    address VARCHAR NOT NULL,
    first_height INTEGER NOT NULL          -- of the rows that name it
);

-- The rules of each profile (methodology section 5), as config/methodology.toml had them.
CREATE TABLE profile_rules (
    profile VARCHAR NOT NULL,
    cluster_miners BOOLEAN NOT NULL,
    retroactive_exchanges BOOLEAN NOT NULL,
    coinjoins_pay_hop_1 BOOLEAN NOT NULL,
    exchange_excludes_hop BOOLEAN NOT NULL
);

-- Derived tables are built from the first day on that a job has changed, and checked from there; this says
-- by which SQL the rest was.
DROP TABLE IF EXISTS transfer_days;
DROP TABLE IF EXISTS built_days;

-- One row, once anything is derived.
CREATE TABLE derived (
    sql_sha256 VARCHAR NOT NULL            -- of the SQL that all of this was derived and checked by, in hex
);
