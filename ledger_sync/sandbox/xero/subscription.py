"""The app's subscription in Xero's app store: it belongs to the application, and its notices name no organisation."""

from __future__ import annotations

import uuid

from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.wire import Row

#: The application that the notices name as their tenant.
APPLICATION = str(uuid.uuid5(uuid.NAMESPACE_URL, "https://api.xero.com/appstore/2.0"))


def changed(books: Books) -> None:
    """Begin or change the organisation's plan, and leave the notice (SPEC webhooks: SUBSCRIPTION, APPLICATION)."""
    row = books.store.get("_subscriptions", books.tenant)
    key = str(row["id"]) if row else books.ids.new()
    books.store.put("_subscriptions", books.tenant, {"id": key})
    if not (books.store.get("_webhook", "state") or {}).get("active"):
        return
    event: Row = {
        "resourceUrl": f"{books.base_url}/appstore/2.0/subscriptions/{key}",
        "resourceId": key,
        "tenantId": APPLICATION,
        "tenantType": "APPLICATION",
        "eventCategory": "SUBSCRIPTION",
        "eventType": "UPDATE" if row else "CREATE",
        "eventDateUtc": books.stamp(),
    }
    books.leave(event)
