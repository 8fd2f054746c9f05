"""Notices: CloudEvents or the older form, signed over the raw bytes, retried, withheld behind one that failed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from practice.core import clock
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, head


class Listener:
    """Somebody who answers notices; ``status`` is what he says next."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.status = 200
        self.heard: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.valid: list[bool] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        wanted = base64.b64encode(hmac.new(self.secret.encode(), body, hashlib.sha256).digest()).decode()
        self.valid.append(hmac.compare_digest(wanted, headers["intuit-signature"]))
        self.headers.append(headers)
        self.heard.append(json.loads(body))
        return self.status


@pytest.fixture
def listener(app: App, sandbox: QuickBooksSandbox) -> Listener:
    found = Listener(app.keys["webhook_secret"])
    sandbox.outbox.send = found
    sandbox.webhooks.set_url("http://web.test/hooks/quickbooks/")
    return found


def test_one_array_of_cloud_events(app: App, sandbox: QuickBooksSandbox, listener: Listener) -> None:
    row = app.invoice()
    app.change("Customer", app.get("Customer", "1"), Notes="x")
    sandbox.tick()
    (events,) = listener.heard
    assert [event["type"] for event in events] == ["qbo.invoice.created.v1", "qbo.customer.updated.v1"]
    assert events[0]["intuitentityid"] == row["Id"]
    assert events[0]["intuitaccountid"] == app.realm
    assert events[0]["time"] == "2026-11-20T16:00:00.000000000Z"
    assert events[0]["specversion"] == "1.0"
    assert listener.valid == [True]
    assert listener.headers[0]["user-agent"] == "intuit_notification_server/0.1"


def test_what_happened_in_words(app: App, sandbox: QuickBooksSandbox, listener: Listener) -> None:
    sandbox.settings.void_settled = True
    invoice = app.invoice()
    app.payment(100, invoice)
    paid = app.again("Invoice", invoice)
    app.call("POST", f"/invoice/{paid['Id']}/send?sendTo=a@b.example")
    app.post("Invoice", head(app.again("Invoice", paid)), "?operation=void")
    app.post("Invoice", head(app.again("Invoice", paid)), "?operation=delete")
    sandbox.bookkeeper.merge_customers("1", "2")
    sandbox.tick()
    kinds = [event["type"].removeprefix("qbo.").removesuffix(".v1") for event in listener.heard[0]]
    for kind in (
        "invoice.created", "payment.created", "invoice.updated", "invoice.emailed", "payment.updated", "invoice.voided",
        "invoice.deleted", "customer.merged",
    ):  # fmt: skip
        assert kind in kinds, kind
    assert listener.heard[0][-1]["data"] == {"deletedid": "1"}


def test_the_older_form_on_request(app: App, sandbox: QuickBooksSandbox, listener: Listener) -> None:
    sandbox.settings.legacy_notices = True
    app.invoice()
    sandbox.bookkeeper.merge_customers("1", "2")
    sandbox.tick()
    (notice,) = listener.heard[0]["eventNotifications"]
    assert notice["realmId"] == app.realm
    entities = notice["dataChangeEvent"]["entities"]
    assert (entities[0]["name"], entities[0]["operation"]) == ("Invoice", "Create")
    assert (entities[-1]["operation"], entities[-1]["deletedId"]) == ("Merge", "1")


def test_a_failure_is_retried_and_holds_back_what_came_later(
    app: App, sandbox: QuickBooksSandbox, listener: Listener
) -> None:
    listener.status = 500
    first = app.invoice()
    sandbox.tick()
    app.invoice()
    sandbox.tick()
    assert len(listener.heard) == 1
    listener.status = 200
    clock.advance(seconds=10)
    sandbox.tick()
    sandbox.tick()
    assert [events[0]["intuitentityid"] for events in listener.heard][:2] == [first["Id"], first["Id"]]
    assert len(listener.heard) == 3


def test_a_spoiled_signature_is_right_on_the_retry(app: App, sandbox: QuickBooksSandbox, listener: Listener) -> None:
    sandbox.outbox.trouble.wrong_signature = 1.0
    listener.status = 401
    app.invoice()
    sandbox.tick()
    listener.status = 200
    clock.advance(seconds=10)
    sandbox.tick()
    assert listener.valid == [False, True]


def test_nothing_is_kept_for_nobody_and_own_changes_can_be_silent(app: App, sandbox: QuickBooksSandbox) -> None:
    app.invoice()
    assert sandbox.summary()["waiting"] == 0
    listener = Listener(app.keys["webhook_secret"])
    sandbox.outbox.send = listener
    sandbox.webhooks.set_url("http://web.test/")
    sandbox.settings.notify_own_changes = False
    app.invoice()
    sandbox.bookkeeper.edit_email("1", "new@alder.example")
    sandbox.tick()
    assert [event["type"] for event in listener.heard[0]] == ["qbo.customer.updated.v1"]


def test_lists_without_notices_send_none(app: App, sandbox: QuickBooksSandbox, listener: Listener) -> None:
    app.post("Attachable", {"Note": "x"})
    detail = {"TaxRateName": "City", "RateValue": 2, "TaxAgencyId": "1"}
    assert app.call("POST", "/taxservice/taxcode", {"TaxCode": "City", "TaxRateDetails": [detail]}).status == 200
    sandbox.tick()
    assert listener.heard == []


def test_intuits_own_known_answer(sandbox: QuickBooksSandbox) -> None:
    sandbox.app.webhook_secret = "b5771f19b12ddb4bcdb9f08bdc50bc63878a"
    body = (
        b'{"eventNotifications":[{"realmId":"1185883450","dataChangeEvent":{"entities":[{"name":"Customer","id":"1",'
        b'"operation":"Create","lastUpdated":"2015-10-05T14:42:19-0700"}]}}]}'
    )
    assert sandbox.webhooks.sign(body) == "JC2GUwciPmRBwEO7WvrRmKqu9tGOKL8FFallocTFi8Q="


def heard(listener: Listener) -> list[str]:
    return [event["intuitentityid"] for notice in listener.heard for event in notice]


def test_notices_can_be_late_doubled_or_lost(app: App, sandbox: QuickBooksSandbox, listener: Listener) -> None:
    trouble = sandbox.outbox.trouble
    trouble.delay = 30
    late = app.invoice()
    sandbox.tick()
    assert listener.heard == []
    clock.advance(seconds=31)
    sandbox.tick()
    assert heard(listener) == [late["Id"]]
    trouble.delay, trouble.double = 0, 1.0
    twice = app.invoice()
    sandbox.tick()
    assert heard(listener)[1:] == [twice["Id"]] * 2
    trouble.double, trouble.drop = 0, 1.0
    app.invoice()
    sandbox.tick()
    assert len(heard(listener)) == 3
    trouble.drop = 0
    changed = app.change("Customer", app.get("Customer", "1"), Notes="x")
    sandbox.tick()
    assert heard(listener)[3:] == [changed["Id"]], "what was lost does not come later"


def test_notices_can_come_in_another_order(app: App, sandbox: QuickBooksSandbox, listener: Listener) -> None:
    sandbox.outbox.trouble.reorder = 0.5
    sent = []
    for _ in range(12):
        sent.append(app.invoice()["Id"])
        sandbox.tick()
    clock.advance(seconds=6)
    sandbox.tick()
    assert sorted(heard(listener), key=int) == sent
    assert heard(listener) != sent


def test_a_notice_nobody_takes_is_tried_by_intuits_plan_and_then_given_up(
    app: App, sandbox: QuickBooksSandbox, listener: Listener
) -> None:
    listener.status = 503
    app.invoice()
    started, tried = clock.now(), []
    for wait in (0, 10, 20, 30, 300, 1_200, 7_200, 14_400, *[21_600] * 28):
        clock.advance(seconds=wait)
        before = len(listener.heard)
        sandbox.tick()
        tried.append(len(listener.heard) - before)
    assert tried == [1] * 36
    assert (clock.now() - started).days == 7
    clock.advance(days=3)
    sandbox.tick()
    assert len(listener.heard) == 36
    assert sandbox.summary()["waiting"] == 0


@pytest.mark.parametrize("status", [0, 301, 400, 401, 404, 500, 503])
def test_only_a_200_is_an_acknowledgement(
    app: App, sandbox: QuickBooksSandbox, listener: Listener, status: int
) -> None:
    listener.status = status
    app.invoice()
    sandbox.tick()
    listener.status = 200
    clock.advance(seconds=10)
    sandbox.tick()
    assert len(listener.heard) == 2


def test_one_notice_may_carry_several_companies(listener: Listener, sandbox: QuickBooksSandbox, app: App) -> None:
    from ledger_sync.sandbox.quickbooks import company

    other = company.add_company(sandbox, {"name": "Second"})
    app.invoice()
    sandbox.bookkeeper_of(other.realm).add_customer({"DisplayName": "Theirs"})
    sandbox.tick()
    (events,) = listener.heard
    assert {event["intuitaccountid"] for event in events} == {app.realm, other.realm}


def test_kinds_tell_only_what_intuit_lists_for_them(app: App, sandbox: QuickBooksSandbox, listener: Listener) -> None:
    move = {"FromAccountRef": app.account("Savings"), "ToAccountRef": app.account("Checking"), "Amount": 5}
    transfer = app.post("Transfer", move)
    app.post("Transfer", head(transfer), "?operation=update&include=void")
    bill = {"VendorRef": {"value": "1"}, "Line": [
        {"Amount": 5, "DetailType": "AccountBasedExpenseLineDetail",
         "AccountBasedExpenseLineDetail": {"AccountRef": app.account("Rent")}},
    ]}  # fmt: skip
    app.post("Bill", head(app.post("Bill", bill)), "?operation=delete")
    app.post("InventoryAdjustment", {"AdjustAccountRef": app.account("Rent"), "Line": [{"DetailType": "x"}]})
    sandbox.bookkeeper.close_books("2026-01-31")
    sandbox.tick()
    kinds = [event["type"].removeprefix("qbo.").removesuffix(".v1") for event in listener.heard[0]]
    assert kinds == [
        "transfer.created", "transfer.voided", "bill.created", "bill.deleted", "preferences.updated",
    ]  # fmt: skip


def test_what_waits_survives_a_restart(tmp_path: Any) -> None:
    from practice.core.sandbox.store import Store
    from tests.ledger_sync.sandbox.quickbooks.qbo_app import COMPANY

    store = Store(tmp_path / "qbo.sqlite")
    app = App(QuickBooksSandbox(store, company=COMPANY, webhook_url="http://web.test/"))
    row = app.invoice()
    store.close()
    sandbox = QuickBooksSandbox(Store(tmp_path / "qbo.sqlite"), company=COMPANY)
    sandbox.outbox.send = listener = Listener(app.keys["webhook_secret"])
    sandbox.tick()
    assert heard(listener) == [row["Id"]]
