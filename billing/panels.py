"""Fragments billing lends to lower pages."""
