-- The warehouse as first published: what the tracker found, in DuckDB.
-- Money is integer satoshis; a height is a block height; a day is the UTC date of a block's median time past.
-- "hop", "pool" and "exchange" are NULL where an address has none.

-- One row: the chain that is indexed, and what the results rest on.
CREATE TABLE chain (
    network VARCHAR NOT NULL,              -- mainnet, testnet3, testnet4, signet, regtest
    genesis_hash VARCHAR NOT NULL,         -- of the network
    halving_interval INTEGER NOT NULL,     -- blocks between halvings of the subsidy
    first_height INTEGER NOT NULL,         -- where the indexed range starts
    label_digest VARCHAR NOT NULL          -- of the pools, exchange labels and profiles that the results rest on
);

-- One row per indexed block of the active chain.
CREATE TABLE blocks (
    height INTEGER NOT NULL,
    hash VARCHAR NOT NULL,
    prev_hash VARCHAR NOT NULL,
    time BIGINT NOT NULL,                  -- header time, Unix seconds
    mediantime BIGINT NOT NULL,            -- median time past of the block itself, Unix seconds
    day DATE NOT NULL,
    tx_count INTEGER NOT NULL,             -- with the coinbase
    pool VARCHAR NOT NULL,
    bits BIGINT NOT NULL,                  -- compact target of the header
    input_count INTEGER NOT NULL,          -- without the coinbase's
    output_count INTEGER NOT NULL,
    spent_sat BIGINT NOT NULL,             -- all inputs
    created_sat BIGINT NOT NULL,           -- outputs of all but the coinbase
    coinbase_sat BIGINT NOT NULL,          -- outputs of the coinbase
    subsidy_sat BIGINT NOT NULL,           -- the most that the coinbase may claim beside fees
    overspending_txs INTEGER NOT NULL      -- transactions whose outputs exceed their inputs
);

-- One row per chunk of the lake, with the rows that its files hold.
CREATE TABLE chunks (
    first_height INTEGER NOT NULL,
    last_height INTEGER NOT NULL,
    txs BIGINT NOT NULL,
    inputs BIGINT NOT NULL,                -- spent outputs found
    outputs BIGINT NOT NULL
);

-- One row per day with at least one block; final once a block of a later day is indexed.
CREATE TABLE days (
    day DATE NOT NULL,
    first_height INTEGER NOT NULL,
    last_height INTEGER NOT NULL,
    final BOOLEAN NOT NULL
);

-- The day's price is the one at its end (00:00 UTC of the next day).
CREATE TABLE prices (
    date DATE NOT NULL,
    price_usd DOUBLE NOT NULL
);

-- The combinations of attributes that occur; transfer_facts and quiet_flows name them by code.
CREATE TABLE attributes (
    code INTEGER NOT NULL,
    hop TINYINT,
    pool VARCHAR,
    exchange VARCHAR
);

-- One row per transaction, source group and destination group in which a hop takes part (see the view transfers).
CREATE TABLE transfer_facts (
    profile VARCHAR NOT NULL,
    height INTEGER NOT NULL,
    tx_index INTEGER NOT NULL,             -- position in the block, coinbase = 0
    txid BLOB NOT NULL,                    -- 32 bytes in display order
    day DATE NOT NULL,
    is_coinbase BOOLEAN NOT NULL,
    src INTEGER,                           -- attributes.code; NULL for a coinbase
    dst INTEGER NOT NULL,
    value_sat BIGINT NOT NULL
);

-- Sums of the transfers in which no hop takes part, per run of blocks of one day (first_height is where the run starts).
CREATE TABLE quiet_flows (
    profile VARCHAR NOT NULL,
    first_height INTEGER NOT NULL,
    day DATE NOT NULL,
    is_coinbase BOOLEAN NOT NULL,
    src INTEGER,
    dst INTEGER NOT NULL,
    value_sat BIGINT NOT NULL,
    tx_count BIGINT NOT NULL
);

CREATE TABLE daily_flows (
    profile VARCHAR NOT NULL,
    day DATE NOT NULL,
    is_coinbase BOOLEAN NOT NULL,
    src_hop TINYINT,
    src_pool VARCHAR,
    src_exchange VARCHAR,
    dst_hop TINYINT,
    dst_pool VARCHAR,
    dst_exchange VARCHAR,
    value_sat BIGINT NOT NULL,
    tx_count BIGINT NOT NULL               -- transactions with an amount > 0
);

-- Balances of the addresses within N hops after each block; NULL where the range does not start at genesis.
CREATE TABLE supply (
    profile VARCHAR NOT NULL,
    height INTEGER NOT NULL,
    hop0_sat BIGINT,
    hop1_sat BIGINT                        -- hop 0 and hop 1 together
);

-- One row whenever the attributes of an address change: from since_height on it bears these.
CREATE TABLE addresses (
    profile VARCHAR NOT NULL,
    address VARCHAR NOT NULL,
    hop TINYINT,
    pool VARCHAR,
    exchange VARCHAR,
    since_height INTEGER NOT NULL
);

-- Joins refused: a is the transaction's first input address, b the refused one.
CREATE TABLE conflicts (
    profile VARCHAR NOT NULL,
    height INTEGER NOT NULL,
    txid VARCHAR NOT NULL,
    a VARCHAR NOT NULL,
    b VARCHAR NOT NULL
);

CREATE TABLE coinjoins (
    height INTEGER NOT NULL,
    txid VARCHAR NOT NULL,
    rule VARCHAR NOT NULL
);

-- The exchange labels in force.
CREATE TABLE labels (
    address VARCHAR NOT NULL,
    exchange VARCHAR NOT NULL,
    source VARCHAR
);
