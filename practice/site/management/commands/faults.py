"""``manage.py faults``: fault histories of the sync engine."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger_sync.faultmachine import runs


class Command(BaseCommand):
    """Play seeds, replay one, or prove that each rule of the engine is needed."""

    help = "Play histories in which processes die, answers get lost and clocks jump; both books must agree after each."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        """Which seeds, and what to do with them."""
        parser.add_argument("--seeds", type=int, default=200, help="how many histories")
        parser.add_argument("--from", type=int, default=1, dest="first", help="the first seed")
        parser.add_argument("--seed", type=int, help="replay this one")
        parser.add_argument("--firm", action="store_true", help="with --seed: the firm's history, with both ledgers")
        parser.add_argument("--verbose", action="store_true", help="print the whole history")
        parser.add_argument("--prove", action="store_true", help="switch off one rule at a time; each must be caught")
        parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes to share the work")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run and print; raises CommandError when anything was found."""
        say = self._say
        if options["prove"]:
            good = runs.prove(seeds=options["seeds"], first=options["first"], jobs=options["jobs"], say=say)
        elif options["seed"] is not None:
            good = runs.replay(options["seed"], firm=options["firm"], verbose=options["verbose"], say=say)
        else:
            good = runs.run(seeds=options["seeds"], first=options["first"], jobs=options["jobs"], say=say)
        if not good:
            raise CommandError("the fault machine found something: see above")

    def _say(self, text: str) -> None:
        """Print at once, also into a pipe: a run of thousands takes more than an hour."""
        self.stdout.write(text)
        self.stdout.flush()
