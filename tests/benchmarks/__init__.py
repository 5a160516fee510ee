"""Benchmarks: chains of mainnet shape, the readers they are compared with, and their proofs."""
