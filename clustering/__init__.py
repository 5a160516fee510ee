"""From transactions to attributes: pools, CoinJoins, co-ownership, hops, transfers."""
