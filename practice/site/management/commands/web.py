"""``manage.py web``: the site behind granian, on loopback unless told otherwise."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from practice.site.watching import end_with_parent


class Command(BaseCommand):
    """Serve the site until SIGTERM."""

    help = "Serve the site with granian."

    def add_arguments(self, parser: Any) -> None:
        """Where to listen, with how many workers and threads."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--workers", type=int, default=1)
        parser.add_argument("--threads", type=int, default=6)
        parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve. The process ends with its parent where that was asked for, however the parent ends."""
        if options["with_parent"]:
            end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
        Granian(
            "practice.site.wsgi:application",
            address=options["host"],
            port=options["port"],
            interface=Interfaces.WSGI,
            workers=options["workers"],
            blocking_threads=options["threads"],
            websockets=False,
            log_level=LogLevels.warning,
        ).serve()
