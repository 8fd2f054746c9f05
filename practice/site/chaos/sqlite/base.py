"""Django's SQLite, whose processes may die after a commit."""

from __future__ import annotations

from django.db.backends.sqlite3 import base

from practice.site.chaos.mortal import Mortal


class DatabaseWrapper(Mortal, base.DatabaseWrapper):
    """One connection."""
