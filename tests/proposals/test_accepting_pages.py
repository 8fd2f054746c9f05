"""The client's pages: what a link opens, what it no longer opens, and what each press does."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser

from billing import payments
from billing.models import Invoice
from practice.core import clock
from practice.firm.models import Mail
from proposals import links, sending, signing
from proposals.models import Proposal, ProposalLink, ProposalView
from tests.proposals.conftest import SIGNER, shown

pytestmark = pytest.mark.django_db


def fields(html: bytes) -> dict[str, str]:
    return dict(re.findall(r'name="(option|shown)" value="([^"]+)"', html.decode()))


def test_a_look_is_noted_once_each_and_moves_the_proposal_to_viewed(
    client: Browser, sent: Proposal, token: str
) -> None:
    assert client.get(f"/c/{token}/").status_code == 200
    client.get(f"/c/{token}/", headers={"HX-Request": "true"})
    sent.refresh_from_db()
    assert sent.status == "viewed"
    assert ProposalView.objects.count() == 1


def test_the_token_is_stored_nowhere(sent: Proposal, token: str) -> None:
    assert not ProposalLink.objects.filter(token_digest=token).exists()
    assert ProposalLink.objects.filter(proposal=sent).count() == 1


def test_a_wrong_link_says_so_without_naming_anybody(client: Browser, sent: Proposal) -> None:
    answer = client.get("/c/not-a-link/")
    assert answer.status_code == 404
    assert b"opens nothing" in answer.content
    assert b"Larkspur" not in answer.content


def test_an_ended_proposal_offers_a_new_link_and_tells_the_partner(client: Browser, sent: Proposal, token: str) -> None:
    clock.advance(days=40)
    sending.end_expired(clock.now())
    answer = client.get(f"/c/{token}/")
    assert answer.status_code == 410
    assert b"Ask Harbour &amp; Vale for a new link" in answer.content
    client.post(f"/c/{token}/new-link/")
    assert Mail.objects.filter(kind="proposals.new_link_wanted", to_email="james@harbourvale.example").count() == 1


def test_a_withdrawn_proposal_cannot_be_read_or_signed(client: Browser, sent: Proposal, token: str) -> None:
    option, digest = shown(sent)
    sending.withdraw_proposal(proposal_id=sent.pk)
    assert client.get(f"/c/{token}/").status_code == 410
    facts = {"option": option.pk, "shown": digest, "name": "A", "consent": "yes"}
    assert client.post(f"/c/{token}/sign/", facts).status_code == 410
    sent.refresh_from_db()
    assert sent.status == "withdrawn"


def test_a_corrected_address_ends_the_earlier_link(client: Browser, sent: Proposal, token: str) -> None:
    sending.send_again(proposal_id=sent.pk, email="new@larkspur.example")
    assert client.get(f"/c/{token}/").status_code == 410


def test_signing_without_the_tick_keeps_what_was_typed(client: Browser, sent: Proposal, token: str) -> None:
    facts = fields(client.get(f"/c/{token}/").content)
    answer = client.post(f"/c/{token}/sign/", {**facts, "name": "Amélie L.", "role": "Owner"})
    assert answer.status_code == 422
    assert "Amélie L." in answer.content.decode()
    assert b"Tick the box" in answer.content
    sent.refresh_from_db()
    assert sent.status == "viewed"


def test_signing_after_a_change_shows_the_change_first(client: Browser, sent: Proposal, token: str) -> None:
    facts = fields(client.get(f"/c/{token}/").content)
    sent.lines.filter(name="Bookkeeping").update(unit_price=500)
    answer = client.post(f"/c/{token}/sign/", {**facts, "name": "A", "consent": "yes"})
    assert answer.status_code == 409
    assert b"Something changed while you were reading" in answer.content


def test_a_signed_proposal_leads_to_what_was_agreed(client: Browser, sent: Proposal, token: str) -> None:
    option, digest = shown(sent)
    signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
    answer = client.get(f"/c/{token}/")
    assert answer.status_code == 302
    assert answer["Location"].endswith("/done/")
    page = client.get(answer["Location"])
    assert b"990.00 is still to pay" in page.content


def test_declining_tells_the_partner_with_the_reason(client: Browser, sent: Proposal, token: str) -> None:
    answer = client.post(f"/c/{token}/decline/", {"reason": "Too dear"})
    assert b"You declined this proposal" in answer.content
    sent.refresh_from_db()
    assert (sent.status, sent.decline_reason) == ("declined", "Too dear")
    assert Mail.objects.get(kind="proposals.declined").facts["reason"] == "Too dear"


def test_someone_else_signs_with_a_link_of_their_own(client: Browser, sent: Proposal, token: str) -> None:
    answer = client.post(f"/c/{token}/delegate/", {"name": "Hugo Larkspur", "email": "hugo@larkspur.example"})
    assert answer.status_code == 200
    assert client.get(f"/c/{token}/").status_code == 410
    sent.refresh_from_db()
    assert sent.signatory.email == "hugo@larkspur.example"


def test_options_change_by_htmx_without_counting_as_another_look(client: Browser, sent: Proposal, token: str) -> None:
    option = sent.options.get()
    part = client.get(f"/c/{token}/?option={option.pk}", headers={"HX-Request": "true"})
    assert b"<html" not in part.content
    assert b'id="choice"' in part.content


def test_the_page_asks_few_questions_of_the_database(
    client: Browser, sent: Proposal, token: str, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(25):
        client.get(f"/c/{token}/")


def test_a_link_ends_some_time_after_the_last_day(client: Browser, sent: Proposal, token: str) -> None:
    clock.advance(days=200)
    with pytest.raises(links.LinkEnded):
        links.follow(token)
    assert timedelta(days=90) == links.SHOWN_AFTER_END


# After the signature


def sign(sent: Proposal) -> Proposal:
    option, digest = shown(sent)
    signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
    return Proposal.objects.get(pk=sent.pk)


def pay(proposal: Proposal, amount: str, **facts: Any) -> payments.Receipt:
    given = {"source": "stripe", "method": "card", "state": "succeeded", "paid_on": clock.today("Australia/Sydney")}
    receipt = payments.Receipt(
        amount=Decimal(amount), currency="AUD", reference="R", initiated_at=clock.now(), **{**given, **facts}
    )
    invoice = Invoice.objects.get(engagement=proposal.engagement)
    payments.record_payment(
        entity=proposal.entity,
        client=proposal.client,
        receipt=receipt,
        on_invoices=[(invoice, receipt.amount)],
        now=clock.now(),
    )
    return receipt


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_done_says_what_was_paid_when_and_everything_that_comes(client: Browser, sent: Proposal, token: str) -> None:
    proposal = sign(sent)
    pay(proposal, "990.00")
    clock.advance(days=3)
    pay(proposal, "310.00", source="ledger", method="bank")
    page = words(client.get(f"/c/{token}/done/"))
    assert "20 November 2026, by card $990.00 23 November 2026, at the bank $310.00" in page
    assert "1 December 2026 $462.00 Bookkeeping, then every month" in page
    assert "1 February 2027 $2,000.00 The balance of invoice CS-00001" in page
    assert "1,300" not in page


def test_a_debit_on_its_way_is_never_called_paid(client: Browser, sent: Proposal, token: str) -> None:
    pay(sign(sent), "990.00", method="au_becs_debit", state="processing", paid_on=None)
    page = words(client.get(f"/c/{token}/done/"))
    assert "On its way since 20 November 2026, by bank debit" in page
    assert "still to pay" not in page


def test_the_firm_sees_the_chosen_plan_its_totals_and_the_payment(client: Browser, sent: Proposal, token: str) -> None:
    drafted = words(signed_in(client, sent).get(f"/harbour-vale/proposals/{sent.pk}/"))
    assert "Not opened yet" in drafted
    assert "To pay on signing $990.00 Each month from 1 December 2026 $462.00 On 1 February 2027 $2,310.00" in drafted
    pay(sign(sent), "990.00")
    clock.advance(days=40)
    page = words(client.get(f"/harbour-vale/proposals/{sent.pk}/"))
    assert "$990.00 paid by card" in page
    assert "Amélie Larkspur signed Standard" in page
    assert "To pay on signing $990.00 Each month from 1 December 2026 $462.00" in page
    assert "Deposit 30% on signing" in page


def test_the_last_look_before_sending_shows_services_totals_and_deposit(client: Browser, draft: Proposal) -> None:
    page = words(signed_in(client, draft).get(f"/harbour-vale/proposals/{draft.pk}/send/"))
    assert "Bookkeeping Every month 1 $420.00 Year-end accounts When finished 1 $3,000.00" in page
    assert "To pay on signing $990.00" in page
    assert "Deposit 30% on signing" in page


def test_a_signed_proposal_has_one_word_everywhere(client: Browser, sent: Proposal) -> None:
    sign(sent)
    page = words(signed_in(client, sent).get("/harbour-vale/proposals/"))
    assert "Accepted" not in page
    assert page.count("Signed") == 2


# On the page


def test_an_error_stands_in_the_card_where_the_signature_is(client: Browser, sent: Proposal, token: str) -> None:
    facts = fields(client.get(f"/c/{token}/").content)
    answer = client.post(f"/c/{token}/sign/", {**facts, "name": "Amélie"}).content.decode()
    assert answer.index('id="sign"') < answer.index("Not signed yet: one thing to put right")
    assert f'action="/c/{token}/sign/#sign"' in answer


def test_what_is_to_pay_today_stands_beside_the_button_and_the_seller_is_the_company(
    client: Browser, sent: Proposal, token: str
) -> None:
    page = words(client.get(f"/c/{token}/"))
    assert "To pay today $990.00 Sign and go to payment" in page
    assert "I agree to this proposal of Harbour &amp; Vale Pty Ltd and its terms, version 1." in page


def test_the_preview_says_what_the_client_reads(client: Browser, sent: Proposal, token: str) -> None:
    live = words(client.get(f"/c/{token}/"))
    option = sent.options.get()
    preview = words(signed_in(client, sent).get(f"/harbour-vale/proposals/{sent.pk}/preview/{option.pk}/"))
    minutes = re.search(r"About (\d+) minutes", live)
    assert minutes is not None
    assert minutes.group(0) in preview
    start, end = "Books and year end for Larkspur", "Your full name"
    assert live.split(start)[2].split(end)[0] == preview.split(start)[2].split(end)[0]


def signed_in(client: Browser, proposal: Proposal) -> Browser:
    client.force_login(proposal.partner)
    return client
