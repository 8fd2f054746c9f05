"""``manage.py reconcile``: compare both books in full, for one connection or all."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger_sync.models import Comparison, Connection
from ledger_sync.proof import reconciling


class Command(BaseCommand):
    """Read whole ledgers beside our books and print every difference with its cause; nothing is changed on either."""

    help = "Compare both books in full and print every difference with its cause."

    def add_arguments(self, parser: Any) -> None:
        """Which connection."""
        parser.add_argument("connection", nargs="?", type=int, help="its number; all live ones without it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare and print. Raises CommandError when a difference has no explanation, or a ledger was not read."""
        rows = Connection.objects.filter(state=Connection.State.LIVE).select_related("entity").order_by("pk")
        if options["connection"] is not None:
            rows = rows.filter(pk=options["connection"])
        if not rows:
            known = ", ".join(f"{row.pk} ({row.entity.name})" for row in Connection.objects.select_related("entity"))
            raise CommandError(f"no such live connection; there are: {known or 'none'}")
        bad = sum(not self._compare(row) for row in rows)
        if bad:
            raise CommandError("the books do not agree, or could not be read: see above")

    def _compare(self, connection: Connection) -> bool:
        name = f"{connection.entity.name} and {connection.get_provider_display()}"
        comparison = reconciling.compare(connection.pk)
        if comparison is None:
            self.stdout.write(f"{name}: another comparison is going on")
            return False
        found = list(comparison.differences.order_by("cause", "pk"))
        self.stdout.write(f"{name}: {comparison.compared} documents compared, {len(found)} differences")
        for row in found:
            values = f": {row.field} is {row.here or 'empty'} here, {row.there or 'empty'} there" if row.field else ""
            self.stdout.write(f"  {row.record} {row.get_what_display()}{values} ({row.get_cause_display()})")
        if comparison.broken_off:
            self.stdout.write(f"  broken off: {comparison.broken_off}")
        return self._is_good(comparison)

    def _is_good(self, comparison: Comparison) -> bool:
        return comparison.ended_at is not None and reconciling.unexplained(comparison) == 0
