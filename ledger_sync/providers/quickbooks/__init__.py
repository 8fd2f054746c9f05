"""QuickBooks Online, on python-quickbooks and intuit-oauth: transport and sign-in from them, documents as plain dicts.

The library's objects send every default value and would blank what they do not know, so bodies are built by hand.
"""

from ledger_sync.providers.quickbooks.ledger import QuickBooksLedger, ledger_for
from ledger_sync.providers.quickbooks.oauth import authorise_url, exchange, give_back, organisations_of
from ledger_sync.providers.quickbooks.suggestions import fits, suggest

__all__ = [
    "QuickBooksLedger",
    "authorise_url",
    "exchange",
    "fits",
    "give_back",
    "ledger_for",
    "organisations_of",
    "suggest",
]
