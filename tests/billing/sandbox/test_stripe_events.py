"""Events and webhooks: signed, retried, filtered, and good enough to poll."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from billing.sandbox.stripe import StripeSandbox, events
from practice.core import clock

URL = "http://practice.test/hooks/stripe/"


@pytest.fixture
def endpoint(api: Any) -> Any:
    return api.webhook_endpoints.create({"url": URL, "enabled_events": ["customer.created", "customer.updated"]})


def test_deliveries_carry_a_signature_the_sdk_accepts(
    sandbox: StripeSandbox, api: Any, inbox: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = api.customers.create({"name": "A"})
    api.customers.delete(made.id)  # not asked for
    sandbox.tick()
    [(url, body, headers)] = inbox.got
    assert url == URL
    monkeypatch.setattr("time.time", lambda: clock.now().timestamp())
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], endpoint.secret)
    assert (event.type, event.data.object.id) == ("customer.created", made.id)
    assert event.api_version == stripe.api_version
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body + b" ", headers["Stripe-Signature"], endpoint.secret)
    assert api.webhook_endpoints.retrieve(endpoint.id).to_dict().get("secret") is None


def test_the_signature_is_the_sdks_own() -> None:
    """A fixed body, secret and moment; the digest was worked out once with openssl."""
    body, secret, moment = b'{"id":"evt_1","object":"event"}', "whsec_test", 1_700_000_000
    header = events.signature(body, secret, moment)
    assert header == f"t={moment},v1=4c15fb2a43f93ef61eaa3e0893866d57cad9cad4223242cfb96f362480cb4021"
    assert stripe.WebhookSignature.verify_header(body.decode(), header, secret)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body.decode(), header.replace("t=17", "t=18"), secret)


def test_failed_deliveries_are_tried_again_with_a_fresh_stamp(
    sandbox: StripeSandbox, api: Any, inbox: Any, endpoint: Any
) -> None:
    inbox.status = 500
    made = api.customers.create({"name": "A"})
    sandbox.tick()
    sandbox.tick()
    assert len(inbox.got) == 1
    undelivered = api.events.list({"delivery_success": False}).data
    assert [(e.type, e.pending_webhooks) for e in undelivered] == [("customer.created", 1)]
    inbox.status = 200
    clock.advance(minutes=1, seconds=1)
    sandbox.tick()
    assert len(inbox.got) == 2
    assert inbox.got[0][2]["Stripe-Signature"] != inbox.got[1][2]["Stripe-Signature"]
    assert json.loads(inbox.got[0][1]) == json.loads(inbox.got[1][1])
    assert api.events.list({"delivery_success": False}).data == []
    assert api.events.list({"delivery_success": True}).data[0].data.object.id == made.id


def test_deliveries_are_given_up_after_three_days(sandbox: StripeSandbox, api: Any, inbox: Any, endpoint: Any) -> None:
    inbox.status = 0
    api.customers.create({"name": "A"})
    for _ in range(80):
        sandbox.tick()
        clock.advance(hours=1)
    assert len(inbox.got) == 11
    assert len(api.events.list({"delivery_success": False}).data) == 1


def test_trouble(sandbox: StripeSandbox, api: Any, inbox: Any, endpoint: Any) -> None:
    sandbox.outbox.trouble.double = 1.0
    sandbox.outbox.trouble.wrong_signature = 1.0
    api.customers.create({"name": "A"})
    sandbox.tick()
    assert len(inbox.got) == 2
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(inbox.got[0][1], inbox.got[0][2]["Stripe-Signature"], endpoint.secret, 10**9)
    sandbox.outbox.trouble.drop = 1.0
    api.customers.create({"name": "B"})
    sandbox.tick()
    assert len(inbox.got) == 2


def test_filters(api: Any) -> None:
    made = [api.customers.create({"name": str(n)}) for n in range(3)]
    api.customers.update(made[0].id, {"name": "new"})
    assert [e.type for e in api.events.list({"types": ["customer.updated"]}).data] == ["customer.updated"]
    assert len(api.events.list({"type": "customer.*"}).data) == 4
    everything = api.events.list().data
    oldest = everything[-1]
    newer = api.events.list({"ending_before": oldest.id, "limit": 2})
    assert [e.id for e in newer.data] == [e.id for e in everything[1:3]]
    assert newer.has_more
    filtered = api.events.list({"ending_before": oldest.id, "type": "customer.updated"}).data
    assert [e.id for e in filtered] == [everything[0].id]
    assert everything[0].data.previous_attributes.to_dict() == {"name": "0"}
    with pytest.raises(stripe.InvalidRequestError):
        api.events.list({"type": "customer.created", "types": ["customer.updated"]})
    clock.advance(days=31)
    assert api.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        api.events.retrieve(oldest.id)


def test_endpoints_are_kept_changed_and_deleted(sandbox: StripeSandbox, api: Any, inbox: Any, endpoint: Any) -> None:
    assert endpoint.secret.startswith("whsec_")
    assert api.webhook_endpoints.update(endpoint.id, {"disabled": True}).status == "disabled"
    api.customers.create({"name": "A"})
    api.webhook_endpoints.update(endpoint.id, {"disabled": False, "enabled_events": ["*"]})
    api.customers.create({"name": "B"})
    sandbox.tick()
    assert [json.loads(body)["data"]["object"]["name"] for _, body, _ in inbox.got] == ["B"]
    assert api.webhook_endpoints.delete(endpoint.id).deleted
    assert api.webhook_endpoints.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        api.webhook_endpoints.create({"url": "nowhere", "enabled_events": ["*"]})
    with pytest.raises(stripe.InvalidRequestError):
        api.webhook_endpoints.create({"url": URL, "enabled_events": ["customer.exploded"]})
