"""``manage.py play_story ADDRESS``: one engagement against a running demo."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from practice.site.demo.story import NotHappened, Story


class Command(BaseCommand):
    """Play the demo's engagement over HTTP, one line per step."""

    help = "Play one engagement against a running demo."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        """Where the demo is."""
        parser.add_argument("address")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play it. Raises CommandError for a step that did not happen."""

        def tell(words: str) -> None:
            self.stdout.write(words)
            self.stdout.flush()

        try:
            Story(options["address"].replace("localhost", "127.0.0.1"), tell).play()
        except NotHappened as error:
            raise CommandError(f"The story stopped: {error}") from error
