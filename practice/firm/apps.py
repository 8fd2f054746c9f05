"""The firm: practices, entities, people, clients, services."""

from django.apps import AppConfig


class FirmConfig(AppConfig):
    """Who works here, for whom, and what they sell."""

    name = "practice.firm"
    label = "firm"
    verbose_name = "Firm"

    def ready(self) -> None:
        """Register what this package shows and records."""
        from practice.firm import panels, recorders  # noqa: F401
