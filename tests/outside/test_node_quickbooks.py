"""Intuit's own sign-in client and the most used QuickBooks library of Node, unchanged, against the sandbox."""

from __future__ import annotations

import json
import urllib.request

HOSTS = (
    "appcenter.intuit.com", "oauth.platform.intuit.com", "developer.intuit.com", "developer.api.intuit.com",
    "sandbox-accounts.platform.intuit.com", "accounts.platform.intuit.com", "sandbox-quickbooks.api.intuit.com",
)  # fmt: skip


def test_they_connect_create_query_update_pay_void_and_hear_of_it(node, sandbox, listener):
    with sandbox("quickbooks") as keys:
        order = urllib.request.Request(
            f"{keys['base_url']}/_sandbox/webhooks", json.dumps({"url": listener.url}).encode(), method="POST"
        )
        urllib.request.urlopen(order).read()
        done = node("quickbooks_client.cjs", {"keys": keys}, dict.fromkeys(HOSTS, keys["base_url"]))
        came = listener.wait(lambda notice: "qbo.invoice.voided.v1" in notice["body"])
    assert done["connected"] == {
        "refused": "access_denied", "rotated": True, "email": "dana@larkincpa.example", "state": "s-1", "lives": 3600,
    }  # fmt: skip
    assert (done["customer"], done["taken"]) == (["ap@nursery.example"], "6240")
    invoice = done["invoice"]
    assert (invoice["total"], invoice["replayed"], invoice["note"], invoice["stale"]) == (
        120,
        True,
        "from node",
        "5010",
    )
    assert (invoice["paid"], invoice["due"], invoice["voided"]) == (0, 120, [0, "Voided from node"])
    assert (invoice["mailed"], invoice["paper"], invoice["count"]) == ("EmailSent", "%PDF-", 1)
    assert done["file"] == {"size": 20, "on": True}
    assert done["batch"][0] == "Batch made"
    assert done["changes"] == ["Customer", "Invoice"]
    assert done["after"] == 401, "a revoked app may not read"
    notice = {"body": came["body"], "signature": came["headers"]["intuit-signature"]}
    checked = node("quickbooks_client.cjs", {"keys": keys, "step": "verify", "notice": notice})
    assert checked["valid"] is True
    assert "qbo.invoice.voided.v1" in checked["types"]
