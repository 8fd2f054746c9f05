"""``manage.py play_story ADDRESS``: one engagement against a running demo."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from practice.site.demo.story import NotHappened, Story
from practice.site.watching import end_with_parent


class Command(BaseCommand):
    """Play the demo's engagement over HTTP, one line per step."""

    help = "Play one engagement against a running demo."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        """Where the demo is."""
        parser.add_argument("address")
        parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play it. Raises CommandError for a step that did not happen."""
        if options["with_parent"]:
            end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))

        def tell(words: str) -> None:
            self.stdout.write(words)
            self.stdout.flush()

        try:
            Story(options["address"].replace("localhost", "127.0.0.1"), tell).play()
        except NotHappened as error:
            raise CommandError(f"The story stopped: {error}") from error
