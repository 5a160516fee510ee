"""Blocks and undo data straight from Bitcoin Core's block files, without its index.

genesis    which network they are of
records    the files and what a record is
scan       where each record of a file lies
index      the records of all files, remembered between runs
placement  where the blocks of the tree lie, and beside what
losses     blocks that the files have lost
tree       which blocks form the chain of most work
undo       which undo record belongs to which block
reveal     the key hashes that a block's inputs show, to tell rivals' undo records apart
source     the source itself
"""
