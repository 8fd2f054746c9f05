"""The story as people live it: a partner at a desk, a client on a phone, and the books beside them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client as Browser

from billing.models import Invoice, Payment
from ledger_sync.models import Link
from practice.site.demo.cast import HARBOUR
from proposals.models import Proposal
from tests.world import World, found, until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def sign_in(page: Any, address: str, user: Any) -> None:
    session = Browser()
    session.force_login(user)
    kept = session.session
    kept["demo_person"] = "test"
    kept.save()
    value = session.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": address}])


def write_and_send(world: World, desk: Any) -> str:
    """The partner writes a proposal and sends it; returns the client's link."""
    page = desk.page
    sign_in(page, world.address, world.people["james"])
    page.goto(f"{world.address}/harbour-vale/proposals/new/")
    page.select_option("#id_client", index=1)
    page.fill("#id_title", "Books and year end")
    page.get_by_role("button", name="Start writing").click()
    for number, name in enumerate(("Bookkeeping", "Year-end accounts"), start=1):
        label = next(o for o in page.locator("#id_service option").all_text_contents() if o.startswith(name))
        page.select_option("#id_service", label=label)
        page.get_by_role("button", name="Add", exact=True).click()
        page.locator("form.line").nth(number - 1).wait_for()
    page.get_by_label("A percentage").check()
    page.fill("#id_deposit_value", "30")
    page.fill("#id_expected_completion_on", "2030-02-01")
    page.get_by_role("button", name="Set the deposit").click()
    page.get_by_text("$990.00").first.wait_for()
    assert desk.fits()
    page.get_by_role("link", name="Review and send").click()
    page.get_by_role("button", name=re.compile("^Send")).click()
    page.get_by_text("On its way to").wait_for()
    text = until(lambda: next((str(m.body) for m in mail.outbox if "/c/" in str(m.body)), ""))
    link = re.search(r"http\S+/c/\S+", text)
    assert link is not None
    return link.group(0)


def test_a_client_signs_and_pays_the_deposit_on_a_phone(world: World, desk: Any, phone: Any) -> None:
    found(world, HARBOUR)
    link = write_and_send(world, desk)
    page = phone.page
    page.goto(link)
    assert phone.fits()
    assert page.locator("h1").inner_text().startswith("Books and year end")
    page.get_by_role("link", name="Review and sign").click()
    page.get_by_role("button", name=re.compile("Sign")).click()
    page.get_by_text("Tick the box to say that you agree").first.wait_for()
    page.check("#consent")
    page.get_by_role("button", name=re.compile("Sign")).click()
    page.get_by_text("Signed").first.wait_for()
    assert Proposal.objects.get().status == "accepted"
    assert phone.fits()
    page.get_by_label("Card number").fill("4242424242424242")
    page.get_by_label("Expiration date").fill("1234")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    page.get_by_text("All done").wait_for(timeout=20000)
    invoice = until(lambda: Invoice.objects.filter(total=Decimal("3300.00")).first())
    assert until(lambda: Payment.objects.filter(state="succeeded").first())
    link_there = until(lambda: Link.objects.filter(invoice=invoice, remote_id__isnull=False).first())
    assert link_there.base_theirs["total"] == "3300.00"
    assert until(lambda: Link.objects.filter(allocation__invoice=invoice, remote_id__isnull=False).first())
    csp = [c for c in phone.complaints + desk.complaints if "Security Policy" in c]
    assert csp == []


def test_a_declined_card_takes_nothing_and_keeps_the_signature(world: World, desk: Any, phone: Any) -> None:
    found(world, HARBOUR)
    link = write_and_send(world, desk)
    page = phone.page
    page.goto(link)
    page.check("#consent")
    page.get_by_role("button", name=re.compile("Sign")).click()
    page.get_by_label("Card number").fill("4000000000000002")
    page.get_by_label("Expiration date").fill("1234")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    page.get_by_text("declined").first.wait_for()
    assert not Payment.objects.filter(state="succeeded").exists()
    assert Proposal.objects.get().status == "accepted"
    page.get_by_label("Card number").fill("4242424242424242")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    page.get_by_text("All done").wait_for(timeout=20000)
