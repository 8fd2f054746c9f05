"""Telling the demo's processes of each other: addresses by environment, webhooks registered once the site is bound."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from billing.models import StripeAccount


def environment(books: dict[str, dict[str, Any]], address: str, port: int) -> dict[str, str]:
    """What web and worker must know; no address is ever kept in a row."""
    xero, qbo, stripe = books["xero"], books["quickbooks"], books["stripe"]
    return {
        "SITE_URL": address, "PORT": str(port),
        "XERO_BASE": xero["base_url"], "XERO_CLIENT_ID": xero["client_id"],
        "XERO_CLIENT_SECRET": xero["client_secret"], "XERO_WEBHOOK_KEY": xero["webhook_secret"],
        "QBO_BASE": qbo["base_url"], "QBO_CLIENT_ID": qbo["client_id"], "QBO_CLIENT_SECRET": qbo["client_secret"],
        "QBO_VERIFIER": qbo["webhook_secret"], "STRIPE_API_BASE": stripe["base_url"],
        "STRIPE_JS_URL": f"{stripe['base_url']}/v3/stripe.js", "OAUTHLIB_INSECURE_TRANSPORT": "1",
    }  # fmt: skip


def listen(books: dict[str, dict[str, Any]], site: str) -> None:
    """Register the site's addresses with the sandboxes, and keep the secrets their signatures are checked with."""
    post(f"{books['xero']['base_url']}/_sandbox/webhooks", {"url": f"{site}/hooks/xero/"})
    post(f"{books['quickbooks']['base_url']}/_sandbox/webhooks", {"url": f"{site}/hooks/quickbooks/"})
    for row in StripeAccount.objects.all():
        made = post(
            f"{books['stripe']['base_url']}/_sandbox/webhooks/endpoint",
            {"account": row.account_ref, "url": f"{site}/hooks/stripe/{row.pk}/", "instead_of": row.webhook_ref},
        )
        row.webhook_secret, row.webhook_ref = made["secret"], made["id"]
        row.save(update_fields=["webhook_secret", "webhook_ref"])


def post(url: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Send JSON to a sandbox's controls and read what it answers."""
    request = urllib.request.Request(  # noqa: S310 (a sandbox on loopback)
        url, data=json.dumps(facts).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        body: dict[str, Any] = json.loads(answer.read() or b"{}")
        return body
