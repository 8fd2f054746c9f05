"""Fragments proposals lend to lower pages."""
