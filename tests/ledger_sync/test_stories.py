"""The page of one record tells its whole story: whose doing, each attempt, what was agreed, each cause, what is next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Invoice
from ledger_sync.connection.pulse import pulse_of
from ledger_sync.models import Call, CallItem, Connection, Link, Snag
from ledger_sync.pages import stories
from ledger_sync.proof import agreeing
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import audit, clock
from practice.core.sandbox.faults import Fault
from practice.firm import clients
from practice.firm.models import Membership
from tests.firm import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(firm: Any) -> Browser:
    browser = Browser()
    browser.force_login(factories.make_member(firm.practice, Membership.Role.OWNER, name="Olive Vale"))
    return browser


def link_of(subject: Any) -> Link:
    column = "invoice" if isinstance(subject, Invoice) else "client"
    return Link.objects.select_related("connection__entity").get(**{column: subject})


def told(link: Link, number: int = 1) -> list[stories.Happened]:
    agreement = agreeing.agreement_of(
        agreeing.with_doubt(Link.objects.filter(pk=link.pk)).get(), pulse_of(link.connection)
    )
    return stories.story_of(link, agreement, number).paged.rows


def page(browser: Browser, link: Link, query: str = "") -> str:
    known = {"practice": link.connection.practice.slug, "connection_id": link.connection_id, "link_id": link.pk}
    answer = browser.get(reverse("ledger_record", kwargs=known) + query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().replace("\N{NO-BREAK SPACE}", " ").split())


def test_a_new_invoice_is_told_from_the_person_to_the_ledger(firm: Any, connection: Connection, bell: Any) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    clock.advance(seconds=2)
    bell.answer()
    link = link_of(invoice)
    attempt = next(one for one in told(link) if one.about == "What was sent")
    assert attempt.what == "Sent as new. Xero took it."
    assert any(
        note.endswith("by Amélie Larkspur, on the client's page") and note.startswith("Owed since")
        for note in attempt.notes
    )
    call = Call.objects.get(items__link=link)
    assert f"Xero's reference for support: {call.vendor_request_id}" in attempt.notes
    shown = {detail.name: detail.value for detail in attempt.details}
    assert shown["number"] == invoice.number
    assert shown["total"] == "$1,100.00"
    assert shown["line"].endswith("$1,000.00, to Sales, with GST on Income")
    assert "contact" not in shown
    made = told(link)[-1]
    assert (made.what, made.notes[0]) == ("Invoice made here", "By Amélie Larkspur, on the client's page")


def test_what_waits_names_what_it_needs_and_links_to_it(
    firm: Any, connection: Connection, xero: Any, bell: Any, owner: Browser
) -> None:
    xero.faults.order(Fault("down", times=99))
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    link = link_of(invoice)
    client = Link.objects.get(client=invoice.client)
    shown = page(owner, link)
    assert "It goes out by itself as soon as what it needs is there:" in shown
    assert f"/records/{client.pk}/" in shown
    assert "must be in Xero first" in shown
    assert "Try again now" not in shown


def test_a_call_without_an_answer_is_told_with_how_it_was_settled(
    firm: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    xero.faults.order(Fault("response_lost", match="Invoices", method="PUT"))
    bell.answer()
    link = link_of(invoice)
    (waiting,) = [one for one in told(link) if one.about == "What was sent"]
    assert (waiting.tone, waiting.what.startswith("Sent as new. Xero has not answered. We look there")) == ("w", True)
    for wait in ({"seconds": 66}, {"minutes": 3}):
        clock.advance(**wait)
        pushing.push(connection.pk)
        bell.answer()
    (settled,) = [one for one in told(link) if one.about == "What was sent"]
    assert (settled.tone, settled.what) == ("", "Sent as new. Xero took it.")
    assert settled.notes[0] == "Sent 2 times under one key, so that it could be booked only once, answered after 66 s"


def test_a_change_from_the_ledger_says_so_and_by_whom(firm: Any, connection: Connection, xero: Any, bell: Any) -> None:
    client = firm.client()
    firm.agreement(client)
    bell.answer()
    link = link_of(client)
    xero.bookkeeper.edit_contact(link.remote_id, {"EmailAddress": "new@larkspur.example"})
    clock.advance(minutes=5)
    pulling.pull(connection.pk, sweep=True)
    newest = told(link)[0]
    assert newest.what.startswith("Taken from Xero: ")
    assert [(one.value, one.was) for one in newest.details] == [("new@larkspur.example", client.billing_email)]


def test_a_cause_is_told_when_it_opened_and_when_it_was_cleared(
    firm: Any, connection: Connection, xero: Any, bell: Any, owner: Browser
) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    link = link_of(invoice)
    xero.bookkeeper.edit_line(link.remote_id, link.base_theirs["lines"][0]["remote_line"], {"UnitAmount": 900})
    clock.advance(minutes=5)
    pulling.pull(connection.pk, sweep=True)
    snag = Snag.objects.get(link=link)
    opened = next(one for one in told(link) if one.cause)
    assert (opened.tone, opened.cause) == ("x", snag)
    assert f"#cause-{snag.pk}" in page(owner, link)
    where = {"practice": firm.practice.slug, "connection_id": connection.pk, "snag_id": snag.pk}
    clock.advance(minutes=1)
    owner.post(reverse("ledger_remedy", kwargs=where), {"remedy": "put_back"})
    clock.advance(seconds=1)
    bell.answer()
    rows = told(link)
    cleared = next(one for one in rows if one.what.startswith("Cleared by Olive Vale: "))
    assert cleared.notes == ["They chose: Put the ledger back"]
    assert next(one for one in rows if one.what == opened.what).cause is None
    sent = next(one for one in rows if one.what == "Change sent. Xero took it.")
    assert any(note.endswith("by Olive Vale") for note in sent.notes)


def test_a_story_is_paged_and_asks_the_same_at_any_length(
    firm: Any, connection: Connection, bell: Any, owner: Browser
) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    link = link_of(invoice)
    page(owner, link)

    def questions() -> int:
        with CaptureQueriesContext(database) as asked:
            page(owner, link)
        return len(asked)

    few = questions()
    call = Call.objects.get(items__link=link)
    ours = CallItem.objects.get(link=link).ours
    for number in range(300):
        again = Call.objects.create(
            connection=connection, urgency=1, operation="x", method="PUT", path="/", body="", key=f"k{number}", epoch=1,
            made_at=call.made_at + timedelta(seconds=number + 1), sends=1, closed_at=clock.now(), outcome="try_later",
        )  # fmt: skip
        CallItem.objects.create(call=again, position=1, link=link, sent_rev=1, generation=1, ours=ours, result="later")
    assert few <= 25
    assert questions() <= 25
    first, last = told(link), told(link, 999)
    assert [one.at for one in first] == sorted((one.at for one in first), reverse=True)
    assert len(first) == stories.SIZE
    assert last[-1].what == "Invoice made here"
    assert "1 to 20 of" in page(owner, link)
    assert "?page=2" in page(owner, link)


def test_pressing_sends_what_waits_for_its_turn(
    firm: Any, connection: Connection, xero: Any, bell: Any, owner: Browser
) -> None:
    client = firm.client()
    firm.agreement(client)
    bell.answer()
    link = link_of(client)
    user = factories.make_member(firm.practice, Membership.Role.PARTNER, name="Mara Ellis")
    xero.faults.order(Fault("unavailable_html", times=99))
    with audit.cause(system="web", actor=user.email, user_id=user.pk):
        clients.update_client(client_id=client.pk, phone="555 0100")
    bell.answer()
    assert "by Mara Ellis." in page(owner, link)
    xero.faults.clear()
    link.refresh_from_db()
    assert link.ready_at > clock.now()
    assert "Try again now" in page(owner, link)
    known = {"practice": firm.practice.slug, "connection_id": connection.pk, "link_id": link.pk}
    owner.post(reverse("ledger_send_again", kwargs=known))
    bell.answer()
    link.refresh_from_db()
    assert link.owed_since is None
