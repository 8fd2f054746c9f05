"""Proof that both books agree: record by record, in full every night, and on the clearing account."""
