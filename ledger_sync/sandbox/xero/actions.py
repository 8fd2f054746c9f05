"""``/Organisation/Actions``: what the app may do in the organisation."""

from __future__ import annotations

from ledger_sync.sandbox.xero.calls import Call, wrap
from practice.core.sandbox.http import Response

#: The key actions in the published example (SPEC, getOrganisationActions).
NAMES = (
    "CreateApprovedInvoice",
    "CreateDraftPurchaseOrder",
    "CreateApprovedBill",
    "AttachFilesIntoInvoice",
    "UseMulticurrency",
    "CreateDraftInvoice",
    "CreateRepeatingInvoice",
    "CreateRepeatingBill",
    "CreateSentQuote",
    "CreateInvoicePayment",
    "CreateApprovedPurchaseOrder",
    "CreateDraftQuote",
    "CreateDraftBill",
)
#: This sandbox has neither purchase orders nor quotes.
_LACKING = ("PurchaseOrder", "Quote")


def answer(call: Call, parts: list[str]) -> Response:
    """Each action with ALLOWED or NOT-ALLOWED; several currencies are allowed once a second one was added."""
    allowed = {name for name in NAMES if not name.endswith(_LACKING)}
    if len(call.books.table("Currencies")) < 2:
        allowed.discard("UseMulticurrency")
    shown = [{"Name": name, "Status": "ALLOWED" if name in allowed else "NOT-ALLOWED"} for name in NAMES]
    return wrap(call, {"Actions": shown})
