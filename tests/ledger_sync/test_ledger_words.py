"""What the ledger pages say of calls nobody answered, and what the mapping lets be chosen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import requests
import urllib3
from django.test import Client as Browser
from django.urls import reverse

from ledger_sync.connection import mapping
from ledger_sync.models import Call, Connection, Lane, Mapping, RefItem
from ledger_sync.pages import activity
from practice.core import clock, network
from practice.core.sandbox.faults import Fault

pytestmark = pytest.mark.django_db(transaction=True)
SENDING = "/api.xro/2.0/(Contacts|Invoices)"
MACHINES = ("xero.test", "HTTPConnectionPool", "host=", "port=", "Error(", "Traceback")


def get(browser: Browser, firm: Any, connection: Connection, name: str) -> str:
    url = reverse(name, kwargs={"practice": firm.practice.slug, "connection_id": connection.pk})
    return " ".join(browser.get(url).content.decode().split())


@pytest.mark.parametrize("kind", ["response_lost", "truncated", "html_instead", "reset", "timeout", "server_error"])
def test_a_call_without_an_answer_is_told_without_the_machines_words(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, kind: str
) -> None:
    xero.faults.order(Fault(kind, match=SENDING, method="PUT"))
    firm.agreement(firm.client())
    bell.answer()
    assert Call.objects.filter(closed_at__isnull=True).exists()
    shown = get(browser, firm, connection, "ledger_activity")
    assert "Xero has not answered. We look there before anything is sent again" in shown
    stored = " ".join([*Call.objects.values_list("words", flat=True), *Lane.objects.values_list("reason", flat=True)])
    assert not [word for word in MACHINES if word in shown + stored]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (urllib3.exceptions.ReadTimeoutError(None, "/x", "Read timed out."), "did not answer in time"),  # type: ignore[arg-type]
        (urllib3.exceptions.ConnectTimeoutError("took too long"), "could not be reached"),
        (requests.exceptions.ReadTimeout("HTTPSConnectionPool(host='10.0.0.7', port=443)"), "did not answer in time"),
        (urllib3.exceptions.ProtocolError("Connection aborted."), "broke off before it had answered"),
    ],
)
def test_the_end_of_a_transport_is_told_in_plain_words(error: Exception, words: str) -> None:
    assert network.no_answer(error) == words


@pytest.mark.parametrize(
    ("outcome", "results", "state", "words"),
    [
        ("done", ["ok", "ok"], "agrees", "Arrived"),
        ("done", ["ok", "refused"], "refused", "1 of 2 refused"),
        ("done", ["ok", "later"], "waiting", "Tried later"),
        ("refused", ["split", "split"], "waiting", "Sent again one by one"),
        ("unknown_absent", ["absent"], "waiting", "Not there, sent anew"),
        ("unknown_found", ["found"], "agrees", "Arrived"),
        ("try_later", ["later"], "waiting", "Tried later"),
    ],
)
def test_a_call_ends_as_its_worst_document_did(outcome: str, results: list[str], state: str, words: str) -> None:
    link = SimpleNamespace(get_kind_display=lambda: "Invoice")
    items = [SimpleNamespace(result=r, text="no", link=link, ours={"action": "create"}) for r in results]
    call = SimpleNamespace(
        closed_at=clock.now(), outcome=outcome, words="", items=SimpleNamespace(all=lambda: items), operation="x"
    )
    told = activity.sent_of(call, "Xero")  # type: ignore[arg-type]
    assert (told.state, told.ended) == (state, words)


# The mapping


def choice(connection: Connection, purpose: str, treatment: str = "") -> mapping.Choice:
    return next(c for c in mapping.choices(connection) if (c.place.purpose, c.place.treatment) == (purpose, treatment))


def names(found: mapping.Choice) -> set[str]:
    return {ref.name for ref in found.refs}


def test_only_accounts_that_suit_a_purpose_may_be_chosen(connection: Connection) -> None:
    income = names(choice(connection, "sales"))
    assert {"Sales", "Interest Income"} <= income
    assert not income & {"Bank Fees", "Accounts Receivable", "Business Bank Account", "GST", "Owner Drawings"}
    assert names(choice(connection, "service")) == income
    assert names(choice(connection, "clearing")) == names(choice(connection, "bank"))
    assert "Stripe clearing" in names(choice(connection, "clearing"))
    assert "Sales" not in names(choice(connection, "clearing"))
    assert "Bank Fees" in names(choice(connection, "fees"))
    assert not names(choice(connection, "fees")) & {"Sales", "Accounts Receivable"}
    assert "GST on Expenses" not in names(choice(connection, "tax", "standard"))
    assert "GST on Income" in names(choice(connection, "tax", "standard"))
    assert "GST Free Income" not in names(choice(connection, "fee_tax"))


def test_an_unsuitable_choice_of_before_stays_and_is_explained(
    browser: Browser, firm: Any, connection: Connection
) -> None:
    receivable = RefItem.objects.get(connection=connection, name="Accounts Receivable")
    Mapping.objects.filter(connection=connection, purpose="sales").update(target=receivable)
    found = choice(connection, "sales")
    assert receivable in found.refs
    assert found.problem.endswith("does not suit: this must be an income account. Choose another.")
    assert found.problem in get(browser, firm, connection, "ledger_mapping")


def test_an_account_that_does_not_suit_is_not_saved_even_if_it_is_posted(
    browser: Browser, firm: Any, connection: Connection
) -> None:
    before = Mapping.objects.get(connection=connection, purpose="sales").target_id
    receivable = RefItem.objects.get(connection=connection, name="Accounts Receivable")
    url = reverse("ledger_mapping", kwargs={"practice": firm.practice.slug, "connection_id": connection.pk})
    browser.post(url, {"sales:": receivable.pk})
    assert Mapping.objects.get(connection=connection, purpose="sales").target_id == before


def test_every_default_suits_its_place(connection: Connection) -> None:
    assert [c.problem for c in mapping.choices(connection) if c.problem] == []
