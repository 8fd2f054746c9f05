"""The client's pages: what a link opens, what it no longer opens, and what each press does."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser

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
