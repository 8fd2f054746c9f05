"""The fault machine: histories of a firm and its ledger in which processes die, answers get lost and clocks jump.

Each seed is one history. It plays the real engine on a real SQLite file against the Xero sandbox, then stops the
trouble, lets a quiet hour pass and asks the oracle whether both books agree. docs/reliability.md explains it.
"""
