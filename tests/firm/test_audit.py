"""The audit trail: nothing in it can be changed or removed, and a row that was altered all the same is found."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from practice.core import chain, clock, triggers
from practice.core.models import AuditEntry
from practice.firm import audit_trail, clients
from practice.firm.models import Client
from tests.firm import factories


@pytest.mark.parametrize(
    "statement", ["UPDATE firm_historicalclient SET name = 'x'", "DELETE FROM firm_historicalclient"]
)
def test_the_database_refuses_to_alter_history(larkspur, statement):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Client.history.get().name == "Larkspur Bakery"


@pytest.mark.parametrize("statement", ["UPDATE core_auditentry SET hash = 'x'", "DELETE FROM core_auditentry"])
def test_the_database_refuses_to_alter_the_chain(larkspur, statement):
    chain.seal()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert not AuditEntry.objects.filter(hash="x").exists()


def test_the_chain_is_whole_until_a_row_is_altered(firm, larkspur):
    clients.update_client(client_id=larkspur.pk, phone="0117")
    chain.seal()
    assert chain.unsealed() == 0
    assert chain.verify(firm.pk) == []
    with triggers.unlocked("test"), connection.cursor() as cursor:
        cursor.execute("UPDATE firm_historicalclient SET currency = 'USD' WHERE phone = '0117'")
    (broken,) = chain.verify(firm.pk)
    assert (broken.model, broken.what) == ("firm.client", "the history row was altered")


def test_a_removed_row_and_a_removed_entry_show(firm, larkspur):
    chain.seal()
    with triggers.unlocked("test"):
        Client.history.all().delete()
    assert [b.what for b in chain.verify(firm.pk)] == ["the history row is gone"]
    with triggers.unlocked("test"):
        AuditEntry.objects.filter(practice_ref=firm.pk, seq=2).delete()
    assert "an entry before this one is missing" in [b.what for b in chain.verify(firm.pk)]


def test_the_page_says_who_changed_what_from_what_to_what(firm, larkspur, alice, auditor, sign_in):
    sign_in(alice).post(
        f"/{firm.slug}/clients/{larkspur.pk}/edit/",
        {"name": "Larkspur Bakery", "kind": "organisation", "country": "AU", "currency": "AUD",
         "tax_treatment": "domestic", "payment_days": "30",
         "billing_email": "accounts@larkspur.example", "partner": alice.pk},
    )  # fmt: skip
    page = sign_in(auditor).get(f"/{firm.slug}/audit/?kind=firm.client").content.decode()
    text = " ".join(page.split())
    assert "Payment days: <del>14</del>" in text
    assert "<ins>30</ins>" in text
    assert "Partner: <del>nothing</del>" in text
    assert "<ins>Alice Vale</ins>" in text
    story = audit_trail.story(firm.pk, zone="UTC", kind="firm.client", pk=larkspur.pk)
    assert [row.verb for row in story] == ["Changed", "Added"]
    assert story[0].who == "Alice Vale"
    assert sign_in(auditor).get(f"/{firm.slug}/audit/firm.client/{larkspur.pk}/").status_code == 200


def test_another_practice_s_trail_is_not_shown(firm, larkspur, charlie):
    other = charlie.memberships.get().practice
    assert "Larkspur Bakery" not in [row.what for row in audit_trail.latest(other.pk, zone="UTC").rows]
    assert audit_trail.story(other.pk, zone="UTC", kind="firm.client", pk=larkspur.pk) == []


def test_the_trail_is_paged(firm):
    for n in range(50):
        factories.make_client(firm, name=f"Client {n:02}")
    first, second = audit_trail.latest(firm.pk, zone="UTC"), audit_trail.latest(firm.pk, zone="UTC", page=2)
    assert (len(first.rows), first.before, first.after) == (40, None, 2)
    assert not {(r.kind, r.pk, r.at) for r in first.rows} & {(r.kind, r.pk, r.at) for r in second.rows}
    assert second.after is None


def test_the_chain_page(firm, larkspur, auditor, sign_in):
    browser = sign_in(auditor)
    assert "newer changes to be sealed" in browser.get(f"/{firm.slug}/audit/verify/").content.decode()
    chain.seal()
    assert "The chain is whole" in browser.get(f"/{firm.slug}/audit/verify/").content.decode()
    with triggers.unlocked("test"), connection.cursor() as cursor:
        cursor.execute("UPDATE firm_historicalclient SET currency = 'USD'")
    assert "The chain is broken in 1 place" in browser.get(f"/{firm.slug}/audit/verify/").content.decode()


def test_moments_are_told_in_the_time_zone_of_the_practice(firm, larkspur):
    with clock.at(datetime(2026, 7, 1, 20, 30, tzinfo=UTC)):
        clients.archive_client(client_id=larkspur.pk)
    (change,) = audit_trail.story(firm.pk, zone="Australia/Sydney", kind="firm.client", pk=larkspur.pk)[0].changes
    assert (change.old, change.new) == ("nothing", "2 July 2026 06:30")


@pytest.mark.parametrize("number", ["9" * 5000, "1" + "0" * 30, "-1", "²", "x"])
def test_a_page_that_is_no_number_is_the_first(firm, larkspur, auditor, sign_in, number):
    assert sign_in(auditor).get(f"/{firm.slug}/audit/", {"page": number}).context["found"].before is None
