"""Causes: what a person must decide, and its words."""
