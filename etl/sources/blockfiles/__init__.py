"""Blocks and undo data straight from Bitcoin Core's block files, without its index.

records    where each record of each file lies
index      the records of all files, remembered between runs
tree       which blocks form the chain of most work
undo       which undo record belongs to which block
reveal     the key hashes that a block's inputs show, to tell rivals' undo records apart
source     the source itself
"""
