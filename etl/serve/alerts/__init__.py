"""Alerts: what is told to whom when a published number is as somebody has asked to be told.

Invariants: nothing is called but what alerts.toml names, no redirection and no proxy is followed; an event
is written down before it is sent and forgotten once it was received; none is older than its alert.
"""
