"""``manage.py build_demo``: make the demo's database and books, without starting anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from practice.site.demo import building


class Command(BaseCommand):
    """Build the demo in a folder."""

    help = "Make the demo's database and sandbox books (DEMO=1)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        """Where the sandboxes' books go."""
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Build, telling each month. Raises CommandError outside a demo."""
        if not settings.DEMO:
            raise CommandError("Set DEMO=1: this fills the database with invented firms")
        building.build(options["folder"], self.stdout.write)
