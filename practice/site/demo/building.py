"""Building the demo: the marked database, both firms' history, the sandboxes' files. Done once, unless asked anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command
from django.db import connection

from practice.core import chain, clock
from practice.site.demo import founding, history
from practice.site.demo.cast import FIRMS
from practice.site.demo.world import world
from practice.site.models import DemoMark


def is_built() -> bool:
    """Whether this database holds a finished demo."""
    return "site_demomark" in connection.introspection.table_names() and DemoMark.objects.exists()


def clear(folder: Path) -> None:
    """Throw away everything of an earlier demo."""
    connection.close()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def build(folder: Path, tell: Callable[[str], None]) -> None:
    """Make the database and live six months in both firms, in one process under one moved clock."""
    call_command("migrate", verbosity=0)
    today = clock.today("Australia/Sydney")
    with world(folder / "sandboxes") as here:
        people = founding.found_people()
        for cast in FIRMS:
            history.make(cast, people, here, today, tell)
    while chain.seal(2000):
        continue
    DemoMark.objects.create(made_at=clock.now())
