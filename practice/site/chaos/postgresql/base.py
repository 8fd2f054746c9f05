"""Django's PostgreSQL, whose processes may die after a commit."""

from __future__ import annotations

from django.db.backends.postgresql import base

from practice.site.chaos.mortal import Mortal


class DatabaseWrapper(Mortal, base.DatabaseWrapper):
    """One connection."""
