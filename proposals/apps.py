"""Proposals: from a draft to a signature."""

from django.apps import AppConfig


class ProposalsConfig(AppConfig):
    """What the practice offers and what its clients sign."""

    name = "proposals"
    label = "proposals"

    def ready(self) -> None:
        """Register what this package shows and records."""
        from proposals import panels, recorders  # noqa: F401
