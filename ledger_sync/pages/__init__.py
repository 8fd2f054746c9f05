"""The ledger pages and their words."""
