"""The roof: the one app that knows every other."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Countersign's own site."""

    name = "practice.site"
    label = "site"
    verbose_name = "Countersign"
