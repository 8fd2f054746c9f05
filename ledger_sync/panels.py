"""Fragments the ledgers lend to lower pages."""
