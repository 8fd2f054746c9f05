"""Xero, on its official SDK: transport and authorisation from the SDK, documents as plain dicts.

The SDK's models crash on null lists and unknown values, so replies are parsed raw.
"""

from ledger_sync.providers.xero.ledger import XeroLedger, ledger_for
from ledger_sync.providers.xero.oauth import authorise_url, exchange, give_back, organisations_of
from ledger_sync.providers.xero.suggestions import fits, suggest

__all__ = ["XeroLedger", "authorise_url", "exchange", "fits", "give_back", "ledger_for", "organisations_of", "suggest"]
