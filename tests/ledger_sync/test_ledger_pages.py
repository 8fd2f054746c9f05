"""The ledger pages ask the database the same few questions, however long their lists are."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection as database
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ledger_sync.models import Link
from practice.firm.models import Client, Membership, User
from proposals import drafting

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin(firm: Any) -> Browser:
    user = User.objects.create_user("sana@firm.example", name="Sana")
    for role in ("sync_admin", "partner"):
        Membership.objects.create(practice=firm.practice, user=user, role=role)
    browser = Browser()
    browser.force_login(user)
    session = browser.session
    session["demo_person"] = "test"
    session.save()
    return browser


def questions(browser: Browser, url: str) -> int:
    browser.get(url)
    with CaptureQueriesContext(database) as asked:
        assert browser.get(url).status_code == 200
    return len(asked)


def more_clients(firm: Any, connection: Any, first: int, last: int) -> None:
    for number in range(first, last):
        client = Client.objects.create(
            practice=firm.practice, name=f"Client {number}", country="AU", currency="AUD", billing_email="a@b.example"
        )
        Link.objects.create(
            connection=connection, kind="client", client=client, remote_id=f"c-{number}", base_theirs={"name": "x"}
        )


@pytest.mark.parametrize("name", ["ledger", "ledger_desk", "ledger_records", "ledger_mapping", "ledger_activity"])
def test_ledger_pages_ask_the_same_at_10_and_at_200_rows(name: str, admin: Any, firm: Any, connection: Any) -> None:
    arguments = {"practice": firm.practice.slug}
    if name != "ledger":
        arguments["connection_id"] = connection.pk
    url = reverse(name, kwargs=arguments)
    more_clients(firm, connection, 0, 10)
    few = questions(admin, url)
    more_clients(firm, connection, 10, 200)
    assert questions(admin, url) == few
    assert few <= 25


def test_the_list_of_proposals_asks_the_same_at_10_and_at_200_rows(admin: Any, firm: Any, connection: Any) -> None:
    url = reverse("proposals", kwargs={"practice": firm.practice.slug})
    client = firm.client()
    partner = User.objects.get(email="sana@firm.example")

    def write(n: int) -> None:
        for _ in range(n):
            drafting.start_draft(entity=firm.entity, client=client, partner=partner, title="Books")

    write(10)
    few = questions(admin, url)
    write(190)
    assert questions(admin, url) == few
    assert few <= 25


def test_the_editor_and_a_proposal_stay_within_the_budget(admin: Any, firm: Any, connection: Any) -> None:
    partner = User.objects.get(email="sana@firm.example")
    proposal = drafting.start_draft(entity=firm.entity, client=firm.client(), partner=partner, title="Books")
    for _ in range(8):
        drafting.add_service(proposal_id=proposal.pk, service=firm.service)
    for name in ("proposal", "proposal_edit", "proposal_send"):
        url = reverse(name, kwargs={"practice": firm.practice.slug, "proposal_id": proposal.pk})
        assert questions(admin, url) <= 25, name


def test_only_a_record_of_this_ledger_is_sent_again(admin: Browser, firm: Any, connection: Any) -> None:
    for link_id in (999_999, 10**30):
        known = {"practice": firm.practice.slug, "connection_id": connection.pk, "link_id": link_id}
        assert admin.post(reverse("ledger_send_again", kwargs=known)).status_code == 404
