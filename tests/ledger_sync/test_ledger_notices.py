"""Notices of the ledgers: answered as each vendor wants, routed by organisation, gathered, fetched in batches."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as live
from django.db import OperationalError, transaction
from django.test import Client as Browser

from ledger_sync import linking
from ledger_sync.connection import connecting
from ledger_sync.limits import lanes
from ledger_sync.models import Budget, Connection, Delivery, Hint, Lane, Link
from ledger_sync.pages import queries
from ledger_sync.pull import inbound, pulling
from practice.core import clock
from practice.firm.models import Client, Entity

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def known(firm: Any, connection: Connection, bell: Any) -> list[Link]:
    """Three clients that both books know, some minutes ago."""
    for number in range(3):
        firm.agreement(firm.client(f"Client {number} Pty Ltd"), reference=f"P-{number}")
    bell.answer()
    clock.advance(minutes=5)
    bell.rung.clear()
    return list(Link.objects.filter(kind="client").order_by("pk"))


@pytest.fixture
def fetched(xero: Any) -> list[str]:
    """The ids of every call that reads contacts by id."""
    calls: list[str] = []
    handle = xero.handle

    def watch(request: Any) -> Any:
        if request.path.endswith("/Contacts"):
            calls.append(request.arg("IDs"))
        return handle(request)

    xero.handle = watch
    return calls


def event(org: str, remote_id: str | None, category: str = "CONTACT") -> dict[str, Any]:
    at = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return {
        "resourceUrl": "", "resourceId": remote_id, "tenantId": org, "tenantType": "ORGANISATION",
        "eventCategory": category, "eventType": "UPDATE", "eventDateUtc": at,
    }  # fmt: skip


def xero_body(*events: dict[str, Any], entropy: str = "S0M3R4ND0M") -> bytes:
    last = len(events)
    body = {"events": list(events), "firstEventSequence": min(1, last), "lastEventSequence": last, "entropy": entropy}
    return json.dumps(body).encode()


def signed(body: bytes) -> dict[str, str]:
    key = live.XERO_WEBHOOK_KEY.encode()
    return {"x-xero-signature": base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()}


def post(body: bytes, headers: dict[str, str] | None = None) -> Any:
    return Browser().post(
        "/hooks/xero/", body, content_type="application/json", headers=signed(body) if headers is None else headers
    )


def test_the_intent_to_receive_is_answered_with_nothing_but_its_status(connection: Connection, bell: Any) -> None:
    body = xero_body()
    right, wrong = post(body), post(body, signed(body + b" "))
    assert [(answer.status_code, answer.content, len(answer.cookies)) for answer in (right, wrong)] == [
        (200, b"", 0),
        (401, b"", 0),
    ]
    bell.answer()
    assert not Hint.objects.exists()
    assert Delivery.objects.get().worked_at is not None


def test_a_notice_that_cannot_be_kept_is_refused_so_that_it_comes_again(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(provider: str, body: bytes) -> bool:
        raise OperationalError("database is locked")

    monkeypatch.setattr(inbound, "receive", busy)
    assert post(xero_body()).status_code == 503


def test_the_very_same_notice_twice_is_worked_once(connection: Connection, known: list[Link], bell: Any) -> None:
    body = xero_body(event(connection.remote_org, known[0].remote_id))
    assert [post(body).status_code, post(body).status_code] == [200, 200]
    assert (Delivery.objects.count(), len(bell.rung)) == (1, 1)


def test_when_a_ledger_last_told_of_one_connection_is_no_matter_of_another(
    connection: Connection, second: Connection, known: list[Link], bell: Any
) -> None:
    def last_notices() -> list[datetime | None]:
        return [queries.traffic_of(row).notice_at for row in (connection, second)]

    assert last_notices() == [None, None]
    post(xero_body(event(connection.remote_org, known[0].remote_id)))
    bell.answer()
    first = Delivery.objects.get().received_at
    assert last_notices() == [first, None]
    clock.advance(minutes=1)
    post(xero_body(event(connection.remote_org, known[0].remote_id), event(second.remote_org, "unknown")))
    bell.answer()
    latest = Delivery.objects.latest("pk").received_at
    assert last_notices() == [latest, latest]
    assert latest > first


@pytest.fixture
def second(firm: Any, xero: Any, connection: Connection) -> Connection:
    """Another organisation of the same app, of an entity of its own."""
    org = next(org for org in xero.store.table("_tenants") if org != connection.remote_org)
    entity = Entity.objects.create(
        practice=firm.practice, name="Vale Family", country="AU", currency="AUD", time_zone="Australia/Sydney"
    )
    with xero.store.transaction():
        xero.identity.connect(org, "event")
    return connecting.connect_sandbox(entity=entity, provider="xero", keys={**xero.credentials(), "tenant_id": org})


def test_each_event_of_a_notice_goes_to_the_connection_of_its_organisation(
    connection: Connection, second: Connection, known: list[Link], fetched: list[str], bell: Any
) -> None:
    other = Client.objects.create(
        practice=connection.practice, name="Ironbark Pty Ltd", country="AU", currency="AUD", billing_email="a@b.example"
    )
    theirs = "11111111-2222-3333-4444-555555555555"
    Link.objects.create(
        connection=second, kind="client", client=other, remote_id=theirs, base_theirs={}, verified_at=clock.now()
    )
    bell.rung.clear()
    post(
        xero_body(
            event(connection.remote_org, known[0].remote_id),
            event(second.remote_org, theirs),
            event("99999999-0000-0000-0000-000000000000", known[1].remote_id),
            event(connection.remote_org, known[2].remote_id, "SUBSCRIPTION"),
        )
    )
    (task,) = bell.rung
    bell.answer()
    assert task[0] == "ledger_sync.tasks.work_delivery"
    assert sorted(fetched) == sorted([str(known[0].remote_id), theirs])


def test_many_notices_of_one_object_while_nobody_reads_cost_one_call(
    connection: Connection, known: list[Link], fetched: list[str], bell: Any
) -> None:
    lease = lanes.take(connection.pk, "pull")
    assert lease is not None
    for number in range(20):
        post(xero_body(event(connection.remote_org, known[0].remote_id), entropy=str(number)))
    bell.answer()
    lease.give_back()
    pulling.pull(connection.pk)
    assert fetched == [known[0].remote_id]
    assert not Hint.objects.exists()


def known_there(firm: Any, connection: Connection, bell: Any, many: int) -> list[str]:
    """So many clients that both books know, by the ledger's ids."""
    for number in range(many - Client.objects.count()):
        firm.client(f"Client {number} Pty Ltd")
    with transaction.atomic():
        for client in Client.objects.all():
            linking.owe_client(connection, client)
    bell.answer()
    clock.advance(minutes=5)
    return [str(link.remote_id) for link in Link.objects.filter(kind="client").order_by("pk")]


def test_a_burst_of_notices_is_gathered_for_five_seconds_and_fetched_forty_a_call(
    firm: Any, connection: Connection, fetched: list[str], bell: Any
) -> None:
    ids = known_there(firm, connection, bell, 45)
    fetched.clear()
    post(xero_body(*(event(connection.remote_org, remote_id) for remote_id in ids)))
    bell.answer()
    assert fetched == []
    clock.advance(seconds=5)
    lanes.ring_due()
    bell.answer()
    assert [len(call.split(",")) for call in fetched] == [40, 5]
    assert sorted(",".join(fetched).split(",")) == sorted(ids)


def test_what_a_person_changes_beside_a_burst_is_fetched_at_once(
    firm: Any, connection: Connection, fetched: list[str], bell: Any
) -> None:
    ids = known_there(firm, connection, bell, 45)
    fetched.clear()
    post(xero_body(*(event(connection.remote_org, remote_id) for remote_id in ids[1:])))
    bell.answer()
    clock.advance(seconds=1)
    post(xero_body(event(connection.remote_org, ids[0])))
    bell.answer()
    assert fetched == [ids[0]]


def test_a_burst_of_more_than_a_sweep_is_worth_is_read_by_one_sweep_however_many_notices_told_of_it(
    firm: Any, connection: Connection, fetched: list[str], bell: Any
) -> None:
    ids = known_there(firm, connection, bell, 240)
    fetched.clear()
    for start in range(0, len(ids), 50):
        post(xero_body(*(event(connection.remote_org, remote_id) for remote_id in ids[start : start + 50])))
        bell.answer()
    clock.advance(seconds=5)
    lanes.ring_due()
    bell.answer()
    assert (fetched, Hint.objects.count()) == ([""], 0)


def test_where_calls_get_short_notices_are_gathered_for_a_few_seconds(
    connection: Connection, known: list[Link], fetched: list[str], bell: Any
) -> None:
    minute = {"seconds": 60, "cap": 60, "reserve": 3, "starts_at": clock.now(), "spent": 30}
    Budget.objects.update_or_create(pk=f"xero:{connection.remote_org}:minute", defaults=minute)
    for link in known:
        post(xero_body(event(connection.remote_org, link.remote_id)))
        bell.answer()
        clock.advance(seconds=1)
    assert (fetched, lanes.ring_due()) == ([], 0)
    clock.advance(seconds=2)
    assert lanes.ring_due() == 1
    bell.answer()
    clock.advance(seconds=5)
    lanes.ring_due()
    bell.answer()
    assert len(fetched) == 2
    assert sorted(",".join(fetched).split(",")) == sorted(str(link.remote_id) for link in known)


def test_what_nobody_knew_is_looked_at_the_second_it_has_waited_long_enough(
    connection: Connection, known: list[Link], fetched: list[str], bell: Any
) -> None:
    post(xero_body(event(connection.remote_org, "11111111-2222-3333-4444-555555555555")))
    bell.answer()
    clock.advance(seconds=19)
    assert (fetched, lanes.ring_due()) == ([], 0)
    clock.advance(seconds=1)
    assert (lanes.ring_due(), lanes.ring_due()) == (1, 0)
    bell.answer()
    assert fetched == ["11111111-2222-3333-4444-555555555555"]
    assert not Hint.objects.exists()


def test_nobody_is_rung_for_a_lane_that_is_held_or_blocked(
    connection: Connection, known: list[Link], bell: Any
) -> None:
    inbound.hint(connection, "client", str(known[0].remote_id), clock.now())
    Lane.objects.filter(connection=connection, name="pull").update(until=clock.now() + timedelta(seconds=60))
    assert lanes.ring_due() == 0
    Lane.objects.filter(connection=connection, name="pull").update(
        until=None, blocked_until=clock.now() + timedelta(seconds=60)
    )
    assert lanes.ring_due() == 0
    Lane.objects.filter(connection=connection, name="pull").update(blocked_until=None)
    assert lanes.ring_due() == 1


@pytest.mark.slow
def test_a_burst_of_two_thousand_notices_over_twenty_organisations_loses_none(
    connection: Connection, known: list[Link], bell: Any
) -> None:
    """Each is stored and answered, and each object is waiting to be fetched once, whatever comes of the rings."""
    row = Connection.objects.get(pk=connection.pk)
    orgs = [row.remote_org]
    for number in range(19):
        Connection.objects.create(
            practice=row.practice, entity=row.entity, provider="xero", remote_org=f"org-{number}", name=f"{number}",
            tokens=row.tokens, state="live", connected_at=clock.now(),
        )  # fmt: skip
        orgs.append(f"org-{number}")
    objects = [f"{number:08}-2222-3333-4444-555555555555" for number in range(25)]
    statuses = {
        post(xero_body(event(org, remote_id), entropy=f"{org}{remote_id}{turn}")).status_code
        for turn in range(4)
        for remote_id in objects
        for org in orgs
    }
    bell.rung.clear()
    assert (statuses, Delivery.objects.count()) == ({200}, 2_000)
    for delivery_id in Delivery.objects.order_by("?").values_list("pk", flat=True):
        inbound.work(delivery_id)
    assert Hint.objects.count() == 20 * 25
    assert not Delivery.objects.filter(worked_at__isnull=True).exists()
