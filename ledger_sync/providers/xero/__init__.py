"""Xero, on its official SDK: transport and authorisation from the SDK, documents as plain dicts.

The SDK's models crash on null lists and unknown values, so replies are parsed raw.
"""

from ledger_sync.providers.xero.ledger import XeroLedger, ledger_for
from ledger_sync.providers.xero.oauth import authorise_url, exchange, organisations_of, revoke
from ledger_sync.providers.xero.suggestions import fits, suggest

__all__ = ["XeroLedger", "authorise_url", "exchange", "fits", "ledger_for", "organisations_of", "revoke", "suggest"]
