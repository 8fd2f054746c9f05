"""Writing a proposal: the form names what is missing, findings lead to their fields, and no press is lost."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser

from billing.models import Invoice
from practice.core import clock, pages
from practice.firm import clients
from practice.firm.models import Client, Person, Service
from proposals import drafting, preflight, pricing, signing
from proposals.models import Proposal
from tests.proposals.conftest import SIGNER, shown

HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(draft: Proposal) -> Browser:
    signed_in = Browser()
    signed_in.force_login(draft.partner)
    return signed_in


def text(answer: Any) -> str:
    return str(answer.content.decode())


# The new proposal


@pytest.mark.django_db
def test_an_empty_new_proposal_names_each_missing_field(browser: Browser, draft: Proposal) -> None:
    answer = browser.post("/harbour-vale/proposals/new/", {"entity": draft.entity_id})
    assert answer.status_code == 422
    summary = text(answer).split('class="note bad summary"')[1].split("</ul>")[0]
    assert re.findall(r'<a href="#(\w+)">([^<]+)</a>', summary) == [
        ("id_client", "Choose the client this is for"),
        ("id_title", "Enter a title, as the client will read it"),
    ]
    assert "This field is required" not in text(answer)
    assert Proposal.objects.count() == 1


@pytest.mark.django_db
def test_a_client_added_on_the_way_is_chosen_in_the_new_proposal(browser: Browser, draft: Proposal) -> None:
    link = re.search(r'href="([^"]+)">Add a client', text(browser.get("/harbour-vale/proposals/new/")))
    assert link is not None
    facts = {"name": "Calder Physio", "kind": "organisation", "country": "AU", "currency": "AUD",
             "tax_treatment": "domestic", "payment_days": "14"}  # fmt: skip
    answer = browser.post(link.group(1).replace("&amp;", "&"), facts)
    made = Client.objects.get(name="Calder Physio")
    assert answer["Location"] == f"/harbour-vale/proposals/new/?client={made.pk}"
    assert f'<option value="{made.pk}" selected>Calder Physio</option>' in text(browser.get(answer["Location"]))


@pytest.mark.parametrize("foreign", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)", ""])
def test_a_form_leads_nowhere_but_this_site(rf: Any, foreign: str) -> None:
    assert pages.way_back(rf.get("/x/", {"next": foreign}), client=1) == ""


def test_a_form_leads_back_with_what_was_made_and_to_the_field(rf: Any) -> None:
    request = rf.get("/x/", {"next": "/harbour-vale/proposals/1/edit/signing/?a=b#id_signatory_id"})
    assert pages.way_back(request, client=7).endswith("/edit/signing/?a=b&client=7#id_signatory_id")


# Who signs


@pytest.mark.django_db
def test_whoever_is_added_to_sign_for_a_client_signs_the_draft_that_waited_for_them(draft: Proposal) -> None:
    Proposal.objects.update(signatory=None)
    Person.objects.all().delete()
    draft.refresh_from_db()
    (finding,) = [f for f in preflight.findings(draft) if "signs" in f.words]
    assert finding.words == "Larkspur Bakery has nobody who signs: add them"
    assert f"/clients/{draft.client_id}/people/new/" in finding.href
    person = clients.set_person(client_id=draft.client_id, name="Amélie", email="a@larkspur.example", signs=True)
    draft.refresh_from_db()
    assert draft.signatory == person
    assert not [f for f in preflight.findings(draft) if "signs" in f.words]


@pytest.mark.django_db
def test_nobody_is_shown_as_signing_unless_somebody_is(browser: Browser, draft: Proposal) -> None:
    url = f"/harbour-vale/proposals/{draft.pk}/edit/signing/"
    assert "Choose who signs</option>" not in text(browser.get(url))
    Proposal.objects.update(signatory=None)
    assert '<option value="" selected>Choose who signs</option>' in text(browser.get(url))


# Findings


@pytest.mark.django_db
def test_every_finding_leads_to_a_field_that_is_there(browser: Browser, draft: Proposal) -> None:
    drafting.change_draft(
        proposal_id=draft.pk, message="{{client.company_number}} {{nonsense}}", expected_completion_on=None
    )
    Proposal.objects.update(expires_on=clock.today("Australia/Sydney") - timedelta(days=1), signatory=None)
    Client.objects.update(billing_email="")
    draft.lines.get(name="Year-end accounts").delete()
    draft.lines.update(unit_price=0)
    draft.refresh_from_db()
    found = preflight.findings(draft)
    assert len(found) >= 6
    for finding in found:
        url, _, field = finding.href.partition("#")
        assert f'id="{field}"' in text(browser.get(url)), finding
        assert finding.href.replace("&", "&amp;") in text(browser.get(f"/harbour-vale/proposals/{draft.pk}/edit/"))


# Lines


@pytest.mark.django_db(transaction=True)
def test_two_services_added_at_the_same_moment_are_both_there(draft: Proposal) -> None:
    service = Service.objects.get(code="BK")
    codes: list[int] = []

    def add() -> None:
        browser = Browser()
        browser.force_login(draft.partner)
        answer = browser.post(f"/harbour-vale/proposals/{draft.pk}/edit/lines/", {"service": service.pk}, headers=HTMX)
        codes.append(answer.status_code)
        connection.close()

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 4
    assert list(draft.lines.order_by("position").values_list("position", flat=True)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.django_db
def test_a_press_answers_only_with_what_it_changed(browser: Browser, draft: Proposal) -> None:
    line = draft.lines.get(name="Bookkeeping")
    url = f"/harbour-vale/proposals/{draft.pk}/edit/lines/{line.pk}/"
    facts = {"name": "Bookkeeping", "quantity": "2", "unit_price": "420", "cadence": "month"}
    facts["options"] = str(draft.options.get().pk)
    answer = text(browser.post(url, facts, headers=HTMX))
    assert f'id="line-{line.pk}"' not in answer
    assert "$840.00" in answer
    assert text(browser.post(url, {"verb": "down"}, headers=HTMX)).count('class="line" id="line-') == 2


@pytest.mark.django_db
def test_without_script_a_press_leads_back_to_the_whole_page(browser: Browser, draft: Proposal) -> None:
    base = f"/harbour-vale/proposals/{draft.pk}/edit/"
    added = browser.post(f"{base}lines/", {"service": Service.objects.get(code="BK").pk})
    assert (added.status_code, added["Location"]) == (302, base)
    refused = browser.post(f"{base}lines/", {"service": ""})
    assert refused.status_code == 422
    assert "Choose a service from the list" in text(refused)
    assert "<h1>" in text(refused)


@pytest.mark.django_db
def test_the_last_recommendation_cannot_be_taken_away(browser: Browser, draft: Proposal) -> None:
    drafting.set_option(proposal_id=draft.pk, position=2, name="Growth")
    answer = browser.post(
        f"/harbour-vale/proposals/{draft.pk}/edit/options/", {"position": "1", "name": "Standard"}, headers=HTMX
    )
    assert draft.options.get(position=1).recommended
    assert 'value="yes" checked' in text(answer)


@pytest.mark.django_db
def test_a_deposit_asks_for_its_size_and_the_day_of_the_balance(browser: Browser, draft: Proposal) -> None:
    url = f"/harbour-vale/proposals/{draft.pk}/edit/deposit/"
    answer = browser.post(url, {"deposit": "percent", "deposit_value": "", "expected_completion_on": ""}, headers=HTMX)
    assert answer.status_code == 422
    assert '<a href="#id_deposit_value">Enter how much the deposit is, more than nothing</a>' in text(answer)
    assert '<a href="#id_expected_completion_on">Enter the day the work should be finished' in text(answer)
    assert "(optional)" not in text(answer).split('id="deposit"')[1]
    draft.refresh_from_db()
    assert draft.deposit_value == Decimal(30)
    assert browser.post(url, {"deposit": "none"}, headers=HTMX).status_code == 200


# What it costs


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days_ago", "deposit_kind"), [(-11, "part_payment"), (0, "part_payment"), (40, "upfront_fee")]
)
def test_what_is_to_pay_today_is_what_the_first_invoices_ask_for_today(
    draft: Proposal, days_ago: int, deposit_kind: str
) -> None:
    from billing import paying
    from proposals import sending

    draft.entity.deposit_kind = deposit_kind
    draft.entity.save(update_fields=["deposit_kind"])
    weekly = Service.objects.create(
        practice=draft.practice, code="W", name="Payroll", price=Decimal("51.37"), currency="AUD", cadence="week"
    )
    once = Service.objects.create(
        practice=draft.practice, code="S", name="Set-up", price=Decimal(200), currency="AUD", cadence="once"
    )
    for service in (weekly, once):
        drafting.add_service(proposal_id=draft.pk, service=service)
    today = clock.today("Australia/Sydney")
    drafting.change_draft(proposal_id=draft.pk, starts_on=today - timedelta(days=days_ago))
    sent = sending.send_proposal(proposal_id=draft.pk)
    option, digest = shown(sent)
    plan = pricing.plan_of(sent, option, today)
    signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
    sent.refresh_from_db()
    assert sent.engagement is not None
    first = signing.first_invoices(sent.engagement)
    assert len(first) == Invoice.objects.count() == 2
    assert paying.standing_now(first, sent.entity).now == plan.today
    assert [step.when for step in plan.steps][: len(plan.due_on_signing)] == ["Today"] * len(plan.due_on_signing)


@pytest.mark.django_db
def test_a_plan_names_its_price_in_every_rhythm(draft: Proposal) -> None:
    plan = pricing.plan_of(draft, draft.options.get(), clock.today("Australia/Sydney"))
    assert [(p.amount, p.words) for p in plan.prices] == [
        (Decimal("420.00"), "a month"),
        (Decimal("3000.00"), "when finished"),
    ]
    assert [(step.when, str(step.amount)) for step in plan.steps] == [
        ("Today", "990.00"),
        ("Each month from 1 December 2026", "462.00"),
        ("On 1 February 2027", "2310.00"),
    ]
