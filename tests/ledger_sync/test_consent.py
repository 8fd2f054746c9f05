"""Consent at Xero's own page and back: what connects, and everything that must not."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.conf import settings as live
from django.contrib.messages import get_messages
from django.test import Client as Browser
from django.urls import reverse

from billing.models import Invoice
from ledger_sync import tasks
from ledger_sync.connection import connecting, connections
from ledger_sync.models import Call, Connection, Lane, Link, Mapping, TokenSet
from practice.core import clock
from practice.core.sandbox.faults import Fault
from practice.core.sandbox.http import Request
from practice.firm.models import Entity, Membership
from tests.firm import factories

pytestmark = pytest.mark.django_db(transaction=True)


# The two browsers' walk: ours to Xero, Xero's page, and back


def ask(browser: Browser, entity: Entity, provider: str = "xero") -> str:
    """Press "Connect Xero". Returns the address of Xero's consent page."""
    url = reverse("ledger_connect", kwargs={"practice": entity.practice.slug, "provider": provider})
    answer = browser.post(url, {"entity": entity.pk})
    assert answer.status_code == 302
    return str(answer["Location"])


def press(xero: Any, page: str, button: str = "approve", tenants: list[str] | None = None) -> str:
    """Press a button on Xero's page. Returns where Xero sends the browser."""
    shown = xero.handle(Request.build("GET", page, {}, b""))
    assert shown.status == 200
    query = dict(parse_qsl(urlsplit(page).query))
    form = [*query.items(), ("answer", button), *(("tenant", t) for t in tenants or [xero.tenant_id])]
    answer = xero.handle(Request.build("POST", "/identity/connect/authorize", {}, urlencode(form)))
    assert answer.status == 302
    return str(answer.headers["Location"])


def come_back(browser: Browser, address: str) -> Any:
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == live.SITE_URL
    return browser.get(f"{parts.path}?{parts.query}")


def said(answer: Any) -> str:
    return " ".join(str(m) for m in get_messages(answer.wsgi_request))


def nothing_was_connected() -> bool:
    return not (Connection.objects.exists() or Link.objects.exists() or Mapping.objects.exists())


def on_page(name: str, connection: Connection) -> str:
    return reverse(name, kwargs={"practice": connection.practice.slug, "connection_id": connection.pk})


def as_shown(browser: Browser, connection: Connection) -> dict[str, str]:
    """The mapping form as it stands on the page."""
    answer = browser.get(on_page("ledger_mapping", connection))
    return {c.place.field: str(c.chosen.pk) for c in answer.context["fixed"] if c.chosen}


@pytest.fixture
def back(browser: Browser, firm: Any, xero: Any) -> str:
    """An approved consent on its way back."""
    return press(xero, ask(browser, firm.entity))


# Approved


def test_an_approved_consent_leads_over_the_mapping_to_a_live_connection(
    browser: Browser, firm: Any, xero: Any, back: str, bell: Any
) -> None:
    answer = come_back(browser, back)
    connection = Connection.objects.get()
    assert answer["Location"] == on_page("ledger_mapping", connection)
    assert (connection.state, connection.remote_org) == ("matching", xero.tenant_id)
    assert Call.objects.count() == 0
    saved = browser.post(on_page("ledger_mapping", connection), as_shown(browser, connection))
    assert saved["Location"] == on_page("ledger_desk", connection)
    connection.refresh_from_db()
    assert connection.state == Connection.State.LIVE
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    assert Link.objects.get(invoice=invoice).exists_there


def test_work_that_waited_from_before_the_connection_is_not_sent_by_surprise(
    browser: Browser, firm: Any, xero: Any, bell: Any
) -> None:
    firm.agreement(firm.client())
    before = xero.dump()
    come_back(browser, press(xero, ask(browser, firm.entity)))
    connection = Connection.objects.get()
    browser.post(on_page("ledger_mapping", connection), as_shown(browser, connection))
    bell.answer()
    assert xero.dump() == before


def test_a_place_nobody_chose_keeps_the_connection_from_starting(
    browser: Browser, firm: Any, xero: Any, back: str
) -> None:
    come_back(browser, back)
    connection = Connection.objects.get()
    Mapping.objects.filter(purpose="clearing").delete()
    answer = browser.post(on_page("ledger_mapping", connection), as_shown(browser, connection))
    assert "stripe clearing" in said(answer)
    connection.refresh_from_db()
    assert connection.state == Connection.State.MATCHING


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sales:", "tax"), ("tax:standard", "account"), ("sales:", "99999999"), ("sales:", "-1"), ("sales:", "x"),
        ("nonsense-of-great-length:", "account"), ("service:abc", "account"), ("service:99999", "account"),
        ("sales:standard", "account"),
    ],
)  # fmt: skip
def test_a_place_that_does_not_fit_is_not_taken(
    browser: Browser, connection: Connection, name: str, value: str
) -> None:
    refs = {kind: str(connection.ref_items.filter(kind=kind).order_by("pk")[0].pk) for kind in ("tax", "account")}
    before = sorted(Mapping.objects.values_list("purpose", "treatment", "service", "target"))
    answer = browser.post(on_page("ledger_mapping", connection), {name: refs.get(value, value)})
    assert answer.status_code == 302
    assert sorted(Mapping.objects.values_list("purpose", "treatment", "service", "target")) == before


# Refused, stale, strange


def test_a_refused_consent_connects_nothing(browser: Browser, firm: Any, xero: Any) -> None:
    answer = come_back(browser, press(xero, ask(browser, firm.entity), "cancel"))
    assert "You did not give access in Xero" in said(answer)
    assert nothing_was_connected()
    assert not TokenSet.objects.exists()


@pytest.mark.parametrize("spoil", ["missing", "wrong", "swapped", "for another ledger"])
def test_a_state_that_is_not_ours_connects_nothing(
    browser: Browser, firm: Any, xero: Any, back: str, spoil: str
) -> None:
    query = dict(parse_qsl(urlsplit(back).query))
    path = urlsplit(back).path
    if spoil == "missing":
        del query["state"]
    elif spoil == "wrong":
        query["state"] = query["state"][:-3] + "xxx"
    elif spoil == "swapped":
        ask(browser, firm.entity)
    else:
        path = reverse("consent_callback", kwargs={"provider": "quickbooks"})
    answer = browser.get(path, query)
    assert answer["Location"] == reverse("front_door")
    assert "did not begin in this browser" in said(answer)
    assert nothing_was_connected()


def test_a_consent_that_took_too_long_connects_nothing(browser: Browser, back: str) -> None:
    clock.advance(minutes=16)
    with patch("django.core.signing.time.time", lambda: clock.now().timestamp() + 86_400 * 365):
        answer = come_back(browser, back)
    assert "took too long" in said(answer)
    assert nothing_was_connected()


@pytest.mark.parametrize("cookie", ["", "another", "nönce"])
def test_another_browser_connects_nothing(firm: Any, browser: Browser, back: str, cookie: str) -> None:
    other = Browser()
    other.force_login(factories.make_member(firm.practice, Membership.Role.SYNC_ADMIN, name="Ada Key"))
    if cookie:
        other.cookies["consent_xero"] = cookie
    answer = come_back(other, back)
    assert "did not begin in this browser" in said(answer)
    assert nothing_was_connected()


def test_somebody_who_may_not_connect_is_stopped_at_the_door_and_on_the_way_back(
    firm: Any, browser: Browser, back: str
) -> None:
    bob = factories.make_member(firm.practice, Membership.Role.PREPARER, name="Bob Reed")
    preparer = Browser()
    preparer.force_login(bob)
    url = reverse("ledger_connect", kwargs={"practice": firm.practice.slug, "provider": "xero"})
    assert preparer.post(url, {"entity": firm.entity.pk}).status_code == 403
    preparer.cookies["consent_xero"] = browser.cookies["consent_xero"].value
    assert come_back(preparer, back).status_code == 403
    assert nothing_was_connected()


@pytest.mark.parametrize("entity", ["", "abc", "0", "99999999999999999999"])
def test_connecting_an_entity_that_is_not_there_is_not_found(browser: Browser, firm: Any, entity: str) -> None:
    url = reverse("ledger_connect", kwargs={"practice": firm.practice.slug, "provider": "xero"})
    assert browser.post(url, {"entity": entity}).status_code == 404


def test_a_ledger_nobody_knows_is_not_found(browser: Browser, firm: Any) -> None:
    url = reverse("ledger_connect", kwargs={"practice": firm.practice.slug, "provider": "myob"})
    assert browser.post(url, {"entity": firm.entity.pk}).status_code == 404
    answer = browser.get(reverse("consent_callback", kwargs={"provider": "myob"}), {"code": "x", "state": "y"})
    assert "Nothing was connected" in said(answer)


def test_a_code_used_twice_connects_once(browser: Browser, firm: Any, xero: Any, back: str) -> None:
    nonce = browser.cookies["consent_xero"].value
    come_back(browser, back)
    again = come_back(browser, back)
    assert "did not begin in this browser" in said(again)
    browser.cookies["consent_xero"] = nonce
    stolen = come_back(browser, back)
    assert "Not connected" in said(stolen)
    assert Connection.objects.count() == 1


@pytest.mark.parametrize("kind", ["reset", "server_error", "unavailable_html", "html_instead", "truncated"])
def test_a_sign_in_that_does_not_answer_connects_nothing_and_says_so(
    browser: Browser, xero: Any, back: str, kind: str
) -> None:
    xero.faults.order(Fault(kind, match="/connect/token"))
    answer = come_back(browser, back)
    assert "Not connected" in said(answer)
    assert nothing_was_connected()


# Which organisation


def test_an_organisation_in_another_currency_is_refused(browser: Browser, firm: Any, xero: Any) -> None:
    Entity.objects.filter(pk=firm.entity.pk).update(currency="NZD")
    answer = come_back(browser, press(xero, ask(browser, firm.entity)))
    assert "keeps its books in NZD" in said(answer)
    assert nothing_was_connected()


@pytest.fixture
def sister(firm: Any) -> Entity:
    """A second entity of the practice, in the same currency."""
    return Entity.objects.create(
        practice=firm.practice, name="Harbour & Vale Trust", country="AU", currency="AUD", time_zone="Australia/Sydney"
    )


def test_an_organisation_connected_elsewhere_is_refused_and_stays_there(
    browser: Browser, connection: Connection, sister: Entity, xero: Any
) -> None:
    answer = come_back(browser, press(xero, ask(browser, sister)))
    assert "is connected elsewhere already" in said(answer)
    kept = Connection.objects.get()
    assert (kept.entity, kept.state) == (connection.entity, Connection.State.LIVE)


def test_the_second_entity_of_a_firm_gets_the_organisation_that_is_still_free(
    browser: Browser, connection: Connection, sister: Entity, xero: Any
) -> None:
    second = list(xero.store.table("_tenants"))[1]
    answer = come_back(browser, press(xero, ask(browser, sister), tenants=[second]))
    made = Connection.objects.get(entity=sister)
    assert answer["Location"] == on_page("ledger_mapping", made)
    assert made.remote_org == second


def test_an_entity_with_a_ledger_is_not_connected_to_another_one(
    browser: Browser, connection: Connection, firm: Any, xero: Any
) -> None:
    second = list(xero.store.table("_tenants"))[1]
    xero.bookkeeper.disconnect()
    answer = come_back(browser, press(xero, ask(browser, firm.entity), tenants=[second]))
    assert "disconnect that first" in said(answer)
    assert Connection.objects.count() == 1


# Lost and found again, paused and resumed


@pytest.fixture
def lost(firm: Any, connection: Connection, xero: Any, bell: Any) -> Invoice:
    """An invoice both books have; then the bookkeeper removed the app, and one more invoice was issued."""
    firm.agreement(firm.client("Sunny Side Daycare"), "P-0001")
    bell.answer()
    xero.bookkeeper.disconnect()
    _, (invoice,) = firm.agreement(firm.client("Tern & Sons"), "P-0002")
    bell.answer()
    return invoice


def test_reconnecting_keeps_every_link_and_sends_what_queued(
    browser: Browser, firm: Any, connection: Connection, xero: Any, lost: Invoice, bell: Any
) -> None:
    connection.refresh_from_db()
    assert connection.state == Connection.State.DISCONNECTED
    known = dict(Link.objects.exclude(remote_id=None).values_list("pk", "remote_id"))
    assert len(known) == 2
    assert Link.objects.get(invoice=lost).owes
    come_back(browser, press(xero, ask(browser, firm.entity)))
    browser.post(on_page("ledger_mapping", connection), as_shown(browser, connection))
    bell.answer()
    assert Connection.objects.get().state == Connection.State.LIVE
    assert dict(Link.objects.filter(pk__in=known).values_list("pk", "remote_id")) == known
    there = xero.dump()[f"{xero.tenant_id}:Invoices"].values()
    assert sorted(r["InvoiceNumber"] for r in there if r["InvoiceNumber"].startswith("CS-")) == ["CS-00001", "CS-00002"]
    assert not Link.objects.filter(owed_since__isnull=False).exists()


def test_the_dashboard_and_the_desk_lead_to_the_way_back_in(
    browser: Browser, firm: Any, connection: Connection, lost: Invoice
) -> None:
    home = browser.get(reverse("dashboard", kwargs={"practice": firm.practice.slug})).content.decode()
    assert "Xero is disconnected" in home
    assert "Reconnect Xero" in home
    way = reverse("ledger_connect", kwargs={"practice": firm.practice.slug, "provider": "xero"})
    assert way in browser.get(on_page("ledger_desk", connection)).content.decode()


def test_nothing_leaves_while_paused_and_everything_after(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    browser.post(on_page("ledger_settings", connection), {"verb": "pause", "reason": "year end"})
    assert Connection.objects.get().state == Connection.State.PAUSED
    before = xero.dump()
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    assert xero.dump() == before
    assert Link.objects.get(invoice=invoice).owes
    browser.post(on_page("ledger_settings", connection), {"verb": "resume"})
    bell.answer()
    assert Link.objects.get(invoice=invoice).exists_there
    assert Connection.objects.get().state == Connection.State.LIVE


@pytest.mark.parametrize("verb", ["resume", "nonsense", ""])
def test_a_verb_that_does_not_fit_changes_nothing(browser: Browser, connection: Connection, verb: str) -> None:
    assert browser.post(on_page("ledger_settings", connection), {"verb": verb}).status_code == 302
    assert Connection.objects.get().state == Connection.State.LIVE


def test_leaving_on_purpose_owes_nothing_more(browser: Browser, firm: Any, connection: Connection, bell: Any) -> None:
    browser.post(on_page("ledger_settings", connection), {"verb": "leave"})
    firm.agreement(firm.client())
    assert Link.objects.count() == 0
    connections.lose(connection_id=connection.pk, reason="late answer")
    assert Connection.objects.get().disconnect_reason == "by us"


def has_our_access(xero: Any) -> bool:
    return any(row["tenantId"] == xero.tenant_id for row in xero.store.table("_connections").values())


def test_leaving_gives_xero_the_access_back(browser: Browser, connection: Connection, xero: Any, bell: Any) -> None:
    assert has_our_access(xero)
    browser.post(on_page("ledger_settings", connection), {"verb": "leave"})
    bell.answer()
    assert not has_our_access(xero)
    assert Connection.objects.get().given_back_at == clock.now()
    assert "it has back the access it gave us" in browser.get(on_page("ledger_desk", connection)).content.decode()


@pytest.mark.parametrize("kind", ["unavailable_html", "reset", "rate_limited", "server_error", "truncated"])
def test_access_that_could_not_be_given_back_is_given_back_later(
    connection: Connection, xero: Any, bell: Any, kind: str
) -> None:
    xero.faults.order(Fault(kind, match="/connections"))
    connections.leave(connection_id=connection.pk)
    bell.answer()
    assert has_our_access(xero)
    assert Connection.objects.get().given_back_at is None
    clock.advance(seconds=61)
    tasks.sweep()
    assert not has_our_access(xero)
    assert Connection.objects.get().given_back_at == clock.now()


def test_access_taken_from_us_meanwhile_needs_no_giving_back(connection: Connection, xero: Any, bell: Any) -> None:
    connections.leave(connection_id=connection.pk)
    xero.bookkeeper.disconnect()
    bell.answer()
    assert Connection.objects.get().given_back_at == clock.now()


def test_whoever_reconnects_before_the_worker_came_keeps_the_access(
    firm: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    connections.leave(connection_id=connection.pk)
    connecting.connect_sandbox(entity=firm.entity, provider="xero", keys=xero.credentials())
    bell.answer()
    assert has_our_access(xero)
    assert Connection.objects.get().given_back_at is None


def test_losing_access_blocks_no_lane_after_reconnecting(
    firm: Any, connection: Connection, xero: Any, lost: Invoice
) -> None:
    connecting.connect_sandbox(entity=firm.entity, provider="xero", keys=xero.credentials())
    assert not Lane.objects.filter(blocked_until__isnull=False).exists()
