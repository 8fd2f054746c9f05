"""The ledgers we speak to, each behind the one protocol of :mod:`ledger_sync.ports`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ledger_sync.models import Connection
from ledger_sync.models.connections import Provider
from ledger_sync.ports import Ledger, Ref


def ledger_for(connection: Connection) -> Ledger:
    """The adapter of a connection, with its tokens. Nothing is sent by making it."""
    if connection.provider == Provider.XERO:
        from ledger_sync.providers import xero

        return xero.ledger_for(connection)
    from ledger_sync.providers import quickbooks

    made: Ledger = quickbooks.ledger_for(connection)
    return made


def oauth_of(provider: str) -> Any:
    """The consent module of a provider: authorise_url, exchange, refresh, give_back, subject_of, organisations_of."""
    if provider == Provider.XERO:
        from ledger_sync.providers.xero import oauth as xero_oauth

        return xero_oauth
    from ledger_sync.providers.quickbooks import oauth

    return oauth


def fits(provider: str, purpose: str, data: Mapping[str, Any]) -> bool:
    """Whether an account or tax rate of a provider's, known by its data, may be chosen for a purpose."""
    if provider == Provider.XERO:
        from ledger_sync.providers import xero

        return xero.fits(purpose, data)
    from ledger_sync.providers import quickbooks

    answer: bool = quickbooks.fits(purpose, data)
    return answer


def suggestions_of(provider: str) -> Callable[[Iterable[Ref], str], dict[tuple[str, str], tuple[str, str]]]:
    """How a provider's chart is mapped by default."""
    if provider == Provider.XERO:
        from ledger_sync.providers.xero import suggest as suggest_xero

        return suggest_xero
    from ledger_sync.providers.quickbooks import suggest

    found: Callable[[Iterable[Ref], str], dict[tuple[str, str], tuple[str, str]]] = suggest
    return found
