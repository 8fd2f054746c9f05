"""Clients: what is refused, what is recorded, and whose name stands in the history."""

import pytest
from django.db import IntegrityError, transaction

from practice.core import audit, events, gates
from practice.firm import clients
from practice.firm.clients import ClientRefused
from practice.firm.models import Address, Client, Group, Person
from tests.firm import factories


@pytest.fixture
def heard(monkeypatch):
    """What was recorded, as (topic, facts)."""
    told = []
    for topic in ("firm.client.created", "firm.client.changed"):
        listen = [lambda subject, topic=topic, **facts: told.append((topic, facts))]
        monkeypatch.setitem(events._recorders, topic, listen)
    return told


def test_a_client_starts_with_the_entity_s_country_currency_and_terms(firm, heard):
    client = clients.create_client(
        practice=firm, name="  Larkspur   Bakery ", billing_email="Accounts@Larkspur.example"
    )
    assert (client.name, client.billing_email) == ("Larkspur Bakery", "accounts@larkspur.example")
    assert (client.country, client.currency, client.payment_days) == ("AU", "AUD", 14)
    assert heard == [("firm.client.created", {})]


def test_a_change_names_its_fields_and_its_cause(larkspur, heard, alice):
    with audit.cause(system="web", actor=alice.email, user_id=alice.pk, run="7F3A", reason="They called"):
        clients.update_client(client_id=larkspur.pk, name="Larkspur Bakery Ltd", phone="0117 496 0142")
    assert heard == [("firm.client.changed", {"fields": ["name", "phone"]})]
    row = larkspur.history.first()
    assert (row.name, row.history_user, row.system, row.actor, row.run_ref) == (
        "Larkspur Bakery Ltd", alice, "web", alice.email, "7F3A",
    )  # fmt: skip
    assert (row.history_change_reason, row.practice_ref) == ("They called", larkspur.practice_id)


def test_a_change_to_the_same_is_no_change(larkspur, heard):
    clients.update_client(client_id=larkspur.pk, name="Larkspur Bakery", group=None)
    assert heard == []
    assert larkspur.history.count() == 1


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "Larkspur Bakery"}, "name"),
        ({"name": "Calder", "tax_number": "51 824 753 557"}, "tax_number"),
        ({"name": "Calder", "tax_treatment": "exempt"}, "tax_exempt_reason"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(firm, larkspur, heard, facts, field):
    with pytest.raises(ClientRefused) as refused:
        clients.create_client(practice=firm, **facts)
    assert refused.value.field == field
    assert Client.objects.count() == 1
    assert Client.history.count() == 1
    assert heard == []


def test_an_archived_client_leaves_its_name_to_another(firm, larkspur, heard):
    clients.archive_client(client_id=larkspur.pk)
    factories.make_client(firm, name="Larkspur Bakery")
    with pytest.raises(ClientRefused, match="already a client"):
        clients.restore_client(client_id=larkspur.pk)
    larkspur.refresh_from_db()
    assert larkspur.archived_at is not None


def test_a_gate_may_keep_a_client(larkspur, heard, monkeypatch):
    no = gates.Answer(gates.Verdict.NO, "Two invoices are open.")
    monkeypatch.setitem(gates._gates, "firm.may_archive_client", [lambda client: no])
    with pytest.raises(ClientRefused, match="Two invoices are open"):
        clients.archive_client(client_id=larkspur.pk)
    larkspur.refresh_from_db()
    assert larkspur.archived_at is None
    assert heard == []


def test_people_and_addresses_are_part_of_the_client(larkspur, heard):
    person = clients.set_person(
        client_id=larkspur.pk, name="Amélie Larkspur", email="Amelie@Larkspur.example", signs=True
    )
    clients.set_person(client_id=larkspur.pk, person_id=person.pk, phone="0117")
    clients.set_address(client_id=larkspur.pk, line1="2 Wharf Street", city="Bristol")
    clients.set_address(client_id=larkspur.pk, line1="3 Wharf Street")
    assert Person.objects.get().email == "amelie@larkspur.example"
    assert str(Address.objects.get()) == "3 Wharf Street, Bristol"
    assert [facts["fields"] for _, facts in heard] == [["people"], ["people"], ["addresses"], ["addresses"]]
    assert Person.history.latest().practice_ref == larkspur.practice_id


def test_two_people_with_one_email_are_refused(larkspur):
    factories.make_person(larkspur, email="amelie@larkspur.example")
    with pytest.raises(ClientRefused, match="already at this client"):
        factories.make_person(larkspur, email="AMELIE@larkspur.example")
    assert Person.objects.count() == 1


def test_a_person_can_be_taken_off_again(larkspur, heard):
    person = factories.make_person(larkspur)
    clients.remove_person(client_id=larkspur.pk, person_id=person.pk)
    assert not Person.objects.exists()
    assert Person.history.latest().history_type == "-"


def test_groups_have_one_name_each(firm):
    group = clients.create_group(practice=firm, name="The Larkspurs")
    with pytest.raises(ClientRefused, match="already a group"):
        clients.create_group(practice=firm, name="The Larkspurs")
    clients.rename_group(group_id=group.pk, name="Larkspur family")
    assert Group.objects.get().name == "Larkspur family"


@pytest.mark.parametrize(
    "wrong", [{"tax_treatment": "exempt", "tax_exempt_reason": ""}, {"payment_days": 366}, {"name": "Calder Physio"}]
)
def test_the_database_refuses_what_an_action_would(firm, larkspur, wrong):
    factories.make_client(firm, name="Calder Physio")
    with pytest.raises(IntegrityError), transaction.atomic():
        Client.objects.filter(pk=larkspur.pk).update(**wrong)
