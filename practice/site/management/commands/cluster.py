"""``manage.py cluster``: django-q2's cluster, which ends with the supervisor that started it."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from practice.site import guarding
from practice.site.watching import end_with_parent


class Command(BaseCommand):
    """Run the cluster until SIGTERM, or until the supervisor is gone: nobody else would end it then."""

    help = "Run django-q2's cluster below a supervisor; use the command work."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
        guarding.install()
        call_command("qcluster")
