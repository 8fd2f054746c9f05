"""Chaos: real processes of web, worker and people on a database of their own, killed and stopped at random.

The slower sister of :mod:`ledger_sync.faultmachine`: the same acts and the same judge, but nothing is simulated.
Nothing of the product imports it. docs/reliability.md explains it.
"""
