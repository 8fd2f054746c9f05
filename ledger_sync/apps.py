"""The ledgers: connections, links, push, pull, merge."""

from django.apps import AppConfig


class LedgerSyncConfig(AppConfig):
    """Both books in agreement."""

    name = "ledger_sync"
    label = "ledger_sync"

    def ready(self) -> None:
        """Register what this package shows, records and answers."""
        from ledger_sync import recorders  # noqa: F401
        from ledger_sync.pages import panels  # noqa: F401
        from ledger_sync.pull import gates  # noqa: F401
