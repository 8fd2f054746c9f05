"""The roof: the one app that knows every other."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SiteConfig(AppConfig):
    """Countersign's own site."""

    name = "practice.site"
    label = "site"
    verbose_name = "Countersign"

    def ready(self) -> None:
        """Keep the minute sweep scheduled."""
        from practice.site import schedules

        post_migrate.connect(schedules.install_after_migrate, sender=self, dispatch_uid="site.schedules")
