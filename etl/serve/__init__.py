"""The HTTP API over the published file, in the words of the vendors whose clients exist already.

Invariants: what is served is one published file at a time, opened read-only; an answer is of one file
and names it; nothing of a request becomes SQL but as a bound value.
"""
