"""Tokens of ledger connections: encrypted, refreshed by one process at a time, with no row lock over the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q

from ledger_sync.models import TokenSet
from ledger_sync.ports import Disconnected, TryLater
from practice.core import clock

#: ``refresh(refresh_token) -> {access_token, refresh_token, expires_in, …}``; raises Disconnected or TryLater.
Refresh = Callable[[str], dict[str, Any]]
EARLY = timedelta(seconds=90)
PATIENCE = 3.0


@dataclass
class Bearer:
    """The access token of one connection, kept at hand while it lasts, for as long as one piece of work takes."""

    token_set_id: int
    refresh: Refresh
    _at_hand: str = ""
    _until: datetime | None = None

    def token(self) -> str:
        """A token that is good for the next minute and a half. Raises like :func:`access_token`."""
        if self._until is None or clock.now() >= self._until - EARLY:
            row = _good(self.token_set_id, self.refresh)
            self._at_hand, self._until = _of(row), row.expires_at
        return self._at_hand

    def refused(self, seen: str) -> bool:
        """The ledger no longer takes this token. Returns whether it was the newest we have."""
        self._until = None
        return expire(self.token_set_id, seen)


def access_token(token_set_id: int, refresh: Refresh) -> str:
    """A token that is good for the next minute and a half, refreshed when needed.

    Raises Disconnected when the vendor no longer takes the refresh token, TryLater when another process is still
    refreshing after three seconds.
    """
    return _of(_good(token_set_id, refresh))


def _of(row: TokenSet) -> str:
    return str(json.loads(row.secret)["access_token"])


def _good(token_set_id: int, refresh: Refresh) -> TokenSet:
    waited = 0.0
    while True:
        row = TokenSet.objects.get(pk=token_set_id)
        if row.expires_at > clock.now() + EARLY:
            return row
        if _claim(row):
            return _refreshed(row, refresh)
        if waited >= PATIENCE:
            raise TryLater("another process is renewing the access to the ledger", retry_after=2)
        clock.sleep(0.2)
        waited += 0.2


def expire(token_set_id: int, seen: str) -> bool:
    """Treat the access token as spent, if it is still the one that was refused. Returns whether it is."""
    row = TokenSet.objects.get(pk=token_set_id)
    if _of(row) != seen:
        return False
    TokenSet.objects.filter(pk=row.pk, generation=row.generation).update(expires_at=clock.now())
    return True


def store(row: TokenSet, reply: dict[str, Any]) -> None:
    """Keep a vendor's token reply, and the one before for the vendor's grace period."""
    kept = {k: reply[k] for k in ("access_token", "refresh_token", "scope") if k in reply}
    previous = row.secret if row.pk else ""
    row.secret, row.previous = json.dumps(kept), previous
    row.expires_at = clock.now() + timedelta(seconds=int(reply.get("expires_in", 1800)))
    row.refreshing_until = None


def _claim(row: TokenSet) -> bool:
    now = clock.now()
    free = Q(refreshing_until__isnull=True) | Q(refreshing_until__lt=now)
    claimed = TokenSet.objects.filter(free, pk=row.pk, generation=row.generation)
    return claimed.update(refreshing_until=now + timedelta(seconds=30)) == 1


def _refreshed(row: TokenSet, refresh: Refresh) -> TokenSet:
    """Spend the refresh token; after a lost reply the previous one still works for a while (Xero: 30 minutes)."""
    try:
        try:
            reply = refresh(str(json.loads(row.secret)["refresh_token"]))
        except Disconnected:
            if not row.previous:
                raise
            reply = refresh(str(json.loads(row.previous)["refresh_token"]))
    except Exception:
        TokenSet.objects.filter(pk=row.pk).update(refreshing_until=None)
        raise
    store(row, reply)
    row.save(update_fields=["secret", "previous", "expires_at", "refreshing_until"])
    TokenSet.objects.filter(pk=row.pk).update(generation=F("generation") + 1)
    return row
