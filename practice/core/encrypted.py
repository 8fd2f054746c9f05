"""Columns that hold secrets: encrypted with keys from the environment, the newest first, each with an id."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models


class KeyMissing(RuntimeError):
    """A stored secret was encrypted with a key that FIELD_KEYS no longer holds."""


def encrypt(plain: str) -> str:
    """Encrypt with the newest key; the key's id leads the text ("2026:gAAAA…")."""
    key_id, key = next(iter(settings.FIELD_KEYS.items()))
    return f"{key_id}:{Fernet(key).encrypt(plain.encode()).decode()}"


def decrypt(stored: str) -> str:
    """Decrypt with the key the text names. Raises KeyMissing when it is gone or does not fit."""
    key_id, _, body = stored.partition(":")
    key = settings.FIELD_KEYS.get(key_id)
    if key is None:
        raise KeyMissing(f"FIELD_KEYS has no key {key_id!r}")
    try:
        return Fernet(key).decrypt(body.encode()).decode()
    except InvalidToken as error:
        raise KeyMissing(f"the key {key_id!r} does not fit what it encrypted") from error


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is plain in Python and encrypted in the database; an empty text stays empty."""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        """Decrypt what the database holds."""
        return decrypt(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        """Encrypt what goes to the database."""
        return encrypt(str(value)) if value else value
