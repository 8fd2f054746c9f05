"""Billing: agreements, schedules, invoices, payments."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """From what was agreed to what was paid."""

    name = "billing"
    label = "billing"

    def ready(self) -> None:
        """Register what this package protects, shows and records."""
        from billing import panels, protections, recorders  # noqa: F401
