-- What the tracker sums up along the way beside transfers: the chain's own statistics, exchange
-- flows without miners, and the balances of pools and exchanges.
-- A database migrated from 001 has no rows here until its chain is tracked anew, which the next job
-- does by itself; metrics that rest on chain_stats and active_addresses are NULL until then.

-- One row per block. A transfer is an output of a transaction that is not a coinbase, with value
-- > 0, not OP_RETURN, to none of the transaction's input addresses.
CREATE TABLE chain_stats (
    height INTEGER NOT NULL,
    transfer_count INTEGER NOT NULL,
    transfer_sat BIGINT NOT NULL,
    moved_coinbase_sat BIGINT              -- coinbase outputs that this block spends; NULL where the range does not start at genesis
);

-- One row per day with blocks: distinct identities in inputs and ownable outputs, genesis not counted.
CREATE TABLE active_addresses (
    day DATE NOT NULL,
    address_count BIGINT NOT NULL
);

-- Sums of each transaction's net flow into or out of each exchange, per run of blocks of one day
-- (first_height is where the run starts). The exchange all_exchange is all of them taken as one, so
-- that what moves between exchanges is left out.
CREATE TABLE exchange_flows (
    profile VARCHAR NOT NULL,
    first_height INTEGER NOT NULL,
    day DATE NOT NULL,
    exchange VARCHAR NOT NULL,
    in_sat BIGINT NOT NULL,
    out_sat BIGINT NOT NULL
);

-- Balances of each pool's addresses at each day's last block; NULL where the range does not start at genesis.
CREATE TABLE pool_supply (
    profile VARCHAR NOT NULL,
    height INTEGER NOT NULL,
    pool VARCHAR NOT NULL,
    hop0_sat BIGINT,
    hop1_sat BIGINT                        -- hop 0 and hop 1 together
);

-- Balances of each exchange's addresses at each day's last block; NULL where the range does not start at genesis.
CREATE TABLE exchange_supply (
    profile VARCHAR NOT NULL,
    height INTEGER NOT NULL,
    exchange VARCHAR NOT NULL,
    balance_sat BIGINT
);
