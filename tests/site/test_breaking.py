"""Everything the demo offers to break really breaks, in both firms and twice running, and shows where the page says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.urls import include, path

from billing import invoicing, methods
from billing.methods import Presence
from billing.models import Invoice, PaymentMethod
from billing.standing import standing_of
from billing.stripe_accounts import account_of
from ledger_sync.limits import lanes
from ledger_sync.models import Link, Snag
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import clock
from practice.site import urls
from practice.site.demo import arriving, breaking, stripe_js, wiring
from practice.site.demo.arriving import Sight
from practice.site.demo.breaking import BREAKS, OUTAGE, Break
from practice.site.demo.cast import FIRMS, HARBOUR, FirmCast
from practice.site.models import DemoMark
from tests.world import World, found, until

pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]
urlpatterns = [path("demo/", include("practice.site.demo_urls")), *urls.urlpatterns]


def firm_with_bills(world: World, cast: FirmCast) -> Any:
    """A firm whose first client pays by debit, with three bills that both books know."""
    connection = found(world, cast)
    wiring.listen({v: s.credentials() for v, s in world.sandboxes.items()}, world.address)
    client = connection.practice.clients.order_by("pk")[0]
    service = connection.practice.services.order_by("pk")[0]
    today = clock.today(cast.zone)
    for price in (100, 200, 300):
        draft = invoicing.Draft("Bookkeeping", Decimal(1), Decimal(price), "standard", service.pk)
        invoicing.bill_once(entity=connection.entity, client=client, drafts=[draft], on=today, now=clock.now())
    until(lambda: Link.objects.filter(invoice__isnull=False, owed_since__isnull=True).count() == 3)
    intent = methods.start_setup(entity=connection.entity, client=client, presence=Presence("203.0.113.7", "Safari"))
    stripe_js.pay(
        base=settings.STRIPE_API_BASE, key=account_of(connection.entity.pk).publishable_key, secret=intent.client_secret,
        method=stripe_js.BECS if cast.country == "AU" else stripe_js.ACH, name="Rosa", email="rosa@client.example",
    )  # fmt: skip
    until(PaymentMethod.objects.exists)
    return connection


def break_and_wait(broken: Break, connection: Any) -> tuple[Invoice, Sight]:
    """Press the button, and wait as the page does."""
    since = clock.now()
    done = broken.act(connection)
    watch = arriving.watch_of(arriving.token_of(broken, connection, done, since))
    assert watch is not None
    if broken.key == "ledger-down":
        until(lambda: "not answer" in watch.look().words)
        clock.advance(seconds=OUTAGE + 5)
        lanes.try_now(connection.pk)
        pushing.ring_all()
    until(lambda: watch.look().at)
    sight = watch.look()
    assert sight.at is not None
    assert sight.at >= since
    return done.invoice, sight


@pytest.mark.parametrize("cast", FIRMS, ids=lambda cast: cast.provider)
@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.key)
def test_it_breaks_twice_running_and_shows_where_the_page_says(world: World, broken: Break, cast: FirmCast) -> None:
    connection = firm_with_bills(world, cast)
    first, sight = break_and_wait(broken, connection)
    second, again = break_and_wait(broken, connection)
    assert first != second
    if broken.key in ("edit-invoice", "archive-account"):
        assert f"#cause-{Snag.objects.filter(closed_at=None).order_by('-pk')[0].pk}" in again.where
    else:
        assert sight.where.endswith(f"/billing/invoices/{first.pk}/")
    state = standing_of(second, clock.today(cast.zone)).state
    second.refresh_from_db()
    expected = {"pay-at-bank": "paid", "edit-invoice": "held"}
    assert standing_of(second, clock.today(cast.zone)).state == expected.get(broken.key, "open"), state


def test_an_invoice_the_bookkeeper_paid_a_moment_ago_is_not_chosen_for_editing(world: World) -> None:
    connection = firm_with_bills(world, HARBOUR)
    newest = Invoice.objects.order_by("-issued_on", "pk")[0]
    world.sandboxes["xero"].bookkeeper.record_payment(Link.objects.get(invoice=newest).remote_id, Decimal(5))
    assert breaking.edit_invoice(connection).invoice != newest


def test_nothing_left_to_edit_is_said_in_words_a_person_can_act_on(world: World) -> None:
    connection = found(world, HARBOUR)
    with pytest.raises(breaking.CannotBreak, match="let a client sign a proposal"):
        breaking.edit_invoice(connection)


def test_whoever_is_nobody_in_the_firm_watches_as_its_sync_admin_and_the_page_asks_until_it_has_arrived(
    world: World, settings: Any
) -> None:
    connection = firm_with_bills(world, HARBOUR)
    settings.DEMO, settings.ROOT_URLCONF = True, __name__
    DemoMark.objects.create(made_at=clock.now())
    browser = Browser()
    browser.force_login(world.people["carl"])
    answer = browser.post("/demo/break/pay-at-bank/", {"firm": "harbour-vale"}, follow=True)
    page = answer.content.decode()
    assert "You look at it as Sana Malik" in page
    assert 'hx-trigger="every 1s"' in page
    until(
        lambda: (
            pulling.pull(connection.pk, sweep=True)
            or "paid here too" in browser.get(answer.request["PATH_INFO"]).content.decode()
        )
    )
    later = browser.get(answer.request["PATH_INFO"], headers={"HX-Request": "true"}).content.decode()
    assert "paid here too" in later
    assert "seconds later" in later
    assert "hx-trigger" not in later
    assert "<html" not in later
    assert browser.get("/demo/broken/of-somebody-else/").status_code == 404
