"""The ground every other package stands on."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CoreConfig(AppConfig):
    """Clock, money, events, owed rows, audit, pages: no business words."""

    name = "practice.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        """Put the append-only triggers back after every migration: a table rebuilt on SQLite loses them silently."""
        from practice.core import audit, triggers

        audit.connect()
        post_migrate.connect(triggers.install_after_migrate, sender=self, dispatch_uid="core.triggers")
