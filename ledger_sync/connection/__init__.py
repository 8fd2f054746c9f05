"""A ledger joined to an entity: its consent, its standing, and where things go there."""
