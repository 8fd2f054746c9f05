"""``manage.py rekey``: encrypt every stored secret anew with the newest key, so that an older key can be retired."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand

from practice.core.encrypted import EncryptedTextField


class Command(BaseCommand):
    """Read each secret with the key it names and write it with the first of FIELD_KEYS."""

    help = "Encrypt every stored secret with the newest key of FIELD_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through every model. Raises KeyMissing at the first secret whose key is gone; nothing is lost by it."""
        written = 0
        for model in apps.get_models():
            names = [f.name for f in model._meta.concrete_fields if isinstance(f, EncryptedTextField)]
            if not names:
                continue
            for row in model._default_manager.only("pk", *names).iterator():
                row.save(update_fields=names)
                written += 1
        self.stdout.write(f"{written} rows encrypted with the newest key")
