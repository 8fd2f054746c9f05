"""The ledger pages and their words, and where ledgers call us."""
