"""Unguessable links: a 32-byte token goes into the address, only its SHA-256 into the database."""

from __future__ import annotations

import hashlib
import secrets


def mint() -> tuple[str, str]:
    """A fresh token and its digest."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
