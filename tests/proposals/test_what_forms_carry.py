"""Hidden fields, addresses and days that no honest page sends: answered with words or left aside, never with a crash."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser

from billing.models import Invoice
from practice.firm.models import Mail, Person
from proposals import drafting, links, preflight, sending, signing
from proposals.models import Proposal, Signature
from proposals.refusals import ProposalRefused
from tests.proposals.conftest import SIGNER, shown

pytestmark = pytest.mark.django_db
NO_NUMBERS = ["²", "9" * 5000, "9" * 30, "-1", "x"]


@pytest.fixture
def partner(draft: Proposal) -> Browser:
    browser = Browser()
    browser.force_login(draft.partner)
    return browser


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_the_editor_takes_no_number_that_is_none(partner: Browser, draft: Proposal, number: str) -> None:
    line = draft.lines.get(name="Bookkeeping")
    at = f"/harbour-vale/proposals/{draft.pk}/edit"
    facts = {"name": "Bookkeeping", "quantity": "1", "unit_price": "420", "cadence": "month", "options": number}
    assert partner.post(f"{at}/lines/{line.pk}/", facts).status_code == 302
    assert partner.post(f"{at}/options/", {"verb": "remove", "option": number}).status_code == 422
    assert partner.post(f"{at}/options/", {"position": number, "name": "Other"}).status_code in (302, 422)
    assert partner.post(f"{at}/message/", {"title": "Books", "edition": number}).status_code in (302, 422)


def test_an_option_that_somebody_else_took_off_is_said_to_be_gone(partner: Browser, draft: Proposal) -> None:
    drafting.set_option(proposal_id=draft.pk, position=2, name="Growth")
    answer = partner.post(f"/harbour-vale/proposals/{draft.pk}/edit/options/", {"verb": "remove", "option": "999999"})
    assert (answer.status_code, draft.options.count()) == (422, 2)
    assert "took this option off" in answer.content.decode()


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_a_client_who_asks_for_an_option_that_is_none_sees_the_recommended_one(token: str, number: str) -> None:
    assert Browser().get(f"/c/{token}/", {"option": number}).status_code == 200
    assert Browser().post(f"/c/{token}/sign/", {"option": number, "consent": "yes"}).status_code == 422


def test_null_characters_are_refused_before_any_database_sees_them(token: str) -> None:
    assert Browser().get("/accounts/login/", {"next": "\0"}).status_code == 400
    assert Browser().post(f"/c/{token}/ask/", {"question": "When?\0"}).status_code == 400
    assert Browser().get(f"/c/{token}\0/").status_code == 400


# Days and amounts


@pytest.mark.parametrize(
    ("field", "day"),
    [
        ("starts_on", date(26, 11, 21)),
        ("starts_on", date(9999, 12, 31)),
        ("expires_on", date(9999, 12, 31)),
        ("expected_completion_on", date(27, 2, 1)),
    ],
)
def test_a_slip_in_the_year_is_refused_beside_its_field(draft: Proposal, field: str, day: date) -> None:
    with pytest.raises(ProposalRefused) as refused:
        drafting.change_draft(proposal_id=draft.pk, **{field: day})
    assert (refused.value.field, "check the year" in refused.value.words) == (field, True)


def test_a_draft_whose_first_day_slipped_by_centuries_is_not_sent(draft: Proposal) -> None:
    Proposal.objects.filter(pk=draft.pk).update(starts_on=date(26, 11, 21))
    draft.refresh_from_db()
    finding = preflight.findings(draft)[0]
    assert (finding.blocks, finding.words) == (True, "The day the work starts is 21 November 26: check the year")
    with pytest.raises(ProposalRefused):
        sending.send_proposal(proposal_id=draft.pk)


def test_what_no_invoice_can_say_is_not_sent(draft: Proposal) -> None:
    line = draft.lines.get(name="Bookkeeping")
    drafting.change_line(proposal_id=draft.pk, line_id=line.pk, quantity=Decimal(10**11), unit_price=Decimal(10**11))
    with pytest.raises(ProposalRefused, match="more than an invoice can say"):
        sending.send_proposal(proposal_id=draft.pk)


# People


@pytest.mark.parametrize("email", ["a@b\nBcc: x@y.example", "@", "a b@x.example", "é@x.example", "a@" + "b" * 300])
def test_a_proposal_is_not_handed_on_to_an_address_no_mail_can_go_to(sent: Proposal, token: str, email: str) -> None:
    answer = Browser().post(f"/c/{token}/delegate/", {"name": "Hugo", "email": email})
    assert (answer.status_code, Person.objects.count()) == (422, 1)
    assert links.follow(token) == sent


def test_a_name_given_on_handing_on_is_one_line(sent: Proposal, token: str) -> None:
    name = "Hugo\r\nBcc: everybody@x.example " + "x" * 500
    Browser().post(f"/c/{token}/delegate/", {"name": name, "email": "hugo@larkspur.example"})
    made = Person.objects.get(email="hugo@larkspur.example")
    assert (made.name[:27], len(made.name)) == ("Hugo Bcc: everybody@x.examp", 150)


def test_an_address_is_not_corrected_to_that_of_somebody_else_at_the_client(
    partner: Browser, sent: Proposal, token: str
) -> None:
    Person.objects.create(client=sent.client, name="Hugo Larkspur", email="hugo@larkspur.example")
    before = Mail.objects.count()
    for email in ("hugo@larkspur.example", "nonsense"):
        partner.post(f"/harbour-vale/proposals/{sent.pk}/act/", {"verb": "correct", "email": email})
    page = partner.get(f"/harbour-vale/proposals/{sent.pk}/").content.decode()
    assert "Hugo Larkspur of Larkspur Bakery has that address already" in page
    assert (Mail.objects.count(), links.follow(token)) == (before, sent)


@pytest.mark.parametrize("name", ["", "\u200b", "\u202e\u200f", "…", "7", "x" * 151])
def test_a_signature_needs_a_name_that_can_be_read(sent: Proposal, name: str) -> None:
    option, digest = shown(sent)
    signer = signing.Signer(name, "Director", "", "")
    with pytest.raises(ProposalRefused, match="name"):
        signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=signer, shown_digest=digest)
    assert not Invoice.objects.exists()


@pytest.mark.parametrize("name", ["عائشة نور", "王小明", "Zoë 🌿 O’Brien\n", "اَلِيف‌نور"])
def test_a_signature_keeps_names_of_every_script(sent: Proposal, name: str) -> None:
    option, digest = shown(sent)
    signer: Any = signing.Signer(name, "x" * 900, SIGNER.address, SIGNER.agent)
    signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=signer, shown_digest=digest)
    kept = Signature.objects.get()
    assert (kept.name, len(kept.role)) == (name.strip(), 100)
