"""The pages by which money goes back, in a browser: nothing scrolls sideways, nothing complains."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.urls import reverse

from billing.models import Dispute
from practice.firm.models import Membership
from tests.billing.conftest import control, later
from tests.firm import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDTHS = {"phone": (390, 844), "desk": (1440, 900)}


@pytest.fixture
def addresses(firm: Any, larkspur: Any, payer: Any, account: Any, live_server: Any) -> list[tuple[str, str]]:
    """The pages, by what they are: a lost dispute to decide, its concession, a refund, a credit to take back."""
    disputed, credited, paid = (firm.invoice(larkspur) for _ in range(3))
    payer.pay([disputed], card="pm_card_createDispute")
    payment = payer.pay([paid]).payment
    later(account, seconds=5)
    dispute = Dispute.objects.get()
    control("disputes/close", {"account": "acct_harbour", "dispute": dispute.dispute_ref, "won": False})
    later(account, seconds=5)
    owner = Browser()
    owner.force_login(factories.make_member(firm.practice, Membership.Role.OWNER, name="Olive Tan"))
    facts = {"amount": "110", "reason": "price_cut", "words": "fewer hours", "seen": "1100.00"}
    owner.post(url(firm, "invoice_credit", credited.pk), facts)
    given = {"amount": "330", "why": "price", "invoice": paid.pk, "words": "two weeks not used"}
    owner.post(url(firm, "payment_refund", payment.pk), given)
    note = credited.credits.get()
    return [
        ("dispute", url(firm, "payment", dispute.payment_id)), ("concede", url(firm, "dispute_concede", dispute.pk)),
        ("refund", url(firm, "payment_refund", payment.pk)), ("refunded", url(firm, "payment", payment.pk)),
        ("credited", url(firm, "invoice", credited.pk)), ("void", url(firm, "credit_void", note.pk)),
        ("paid", url(firm, "invoice", paid.pk)),
    ]  # fmt: skip


def url(firm: Any, name: str, pk: int) -> str:
    return reverse(name, kwargs={"practice": firm.practice.slug, "pk": pk})


@pytest.mark.parametrize("width", WIDTHS)
def test_the_pages_fit_and_nothing_complains(
    firm: Any,
    addresses: list[tuple[str, str]],
    chromium: Any,
    live_server: Any,
    width: str,
) -> None:
    browser = Browser()
    browser.force_login(factories.make_member(firm.practice, Membership.Role.OWNER, name="Ola Tan"))
    wide, high = WIDTHS[width]
    context = chromium.new_context(viewport={"width": wide, "height": high})
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for _name, address in addresses:
        page.goto(live_server.url + address)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), address
    context.close()
    assert complaints == []
