"""Seeded bad weather: work goes on on both sides while calls are lost, cut, refused and slowed; then both books agree."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Invoice, Payment
from billing.standing import standing_of
from ledger_sync.models import Call, Connection, Link, Snag
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import audit, clock, owed
from practice.core.sandbox.faults import AFTER, Fault
from practice.firm import clients

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = ("reset", "timeout", "unauthorised", "rate_limited", "server_error", "unavailable_html")


class Storm:
    """One seeded history of people here, the bookkeeper there, and the wire between them."""

    def __init__(self, seed: int, firm: Any, connection: Connection, qbo: Any) -> None:
        self.chance = random.Random(seed)
        self.firm, self.connection, self.qbo = firm, connection, qbo
        self.invoices: list[Invoice] = []

    def step(self) -> None:
        """Something happens, perhaps badly."""
        if self.chance.random() < 0.5:
            kind = self.chance.choice((*BEFORE, *AFTER))
            self.qbo.faults.order(Fault(kind, match=self.chance.choice(("/batch", "/v3/", "/query"))))
        self.chance.choice(
            (self.agree, self.agree, self.pay, self.edit_here, self.edit_there, self.bank_payment, self.slow)
        )()
        self.work()

    def work(self) -> None:
        clock.advance(seconds=self.chance.choice((1, 20, 70, 200, 400)))
        pushing.push(self.connection.pk)
        if self.chance.random() < 0.5:
            pulling.pull(self.connection.pk, sweep=True)

    def agree(self) -> None:
        number = len(self.invoices) + 1
        client = self.invoices[0].client if self.invoices and self.chance.random() < 0.5 else None
        client = client or self.firm.client(f"Client {number} LLC")
        _, invoices = self.firm.agreement(client, f"P-{number:04}")
        self.invoices += invoices

    def pay(self) -> None:
        for invoice in self.invoices:
            if standing(invoice).due:
                amount = str(self.chance.choice((standing(invoice).due, Decimal("400.00"))))
                self.firm.paid_by_card(invoice.client, amount, (invoice, amount), ref=f"ch_{invoice.pk}_{clock.now()}")
                return

    def edit_here(self) -> None:
        if self.invoices:
            with audit.cause(system="web", actor="Dana"):
                phone = f"+1 555 {self.chance.randrange(10_000):04}"
                clients.update_client(client_id=self.invoices[0].client_id, phone=phone)

    def edit_there(self) -> None:
        link = Link.objects.filter(kind="client", remote_id__isnull=False).first()
        if link is not None:
            self.qbo.bookkeeper.edit_email(link.remote_id, f"n{self.chance.randrange(10_000)}@marigold.example")

    def bank_payment(self) -> None:
        for link in Link.objects.filter(kind="invoice", remote_id__isnull=False, owed_since__isnull=True):
            unsent = Link.objects.filter(
                kind="payment", payment__allocations__invoice=link.invoice_id, owed_since__isnull=False
            )
            if standing(link.invoice).due and not unsent.exists():
                row = self.qbo.books(self.qbo.realm_id).get("Invoice", link.remote_id)
                if Decimal(row["Balance"]) == standing(link.invoice).due:
                    # Both sides taking the same money at once is a person's to sort out, and not this test's.
                    self.qbo.faults.clear()
                    self.qbo.bookkeeper.record_payment(link.remote_id, reference=f"CHK {link.pk}")
                    for _ in range(6):
                        clock.advance(minutes=5)
                        pulling.pull(self.connection.pk, sweep=True)
                    return

    def slow(self) -> None:
        self.qbo.settings.request_id_seconds = self.chance.choice((0, 600))

    def calm(self) -> None:
        """Good weather until nothing is left to do."""
        self.qbo.faults.clear()
        for _ in range(12):
            clock.advance(minutes=16)
            pushing.push(self.connection.pk)
            pulling.pull(self.connection.pk, sweep=True)


def standing(invoice: Invoice) -> Any:
    return standing_of(Invoice.objects.get(pk=invoice.pk), clock.today("America/Chicago"))


@pytest.mark.parametrize("seed", range(4))
def test_both_books_agree_after_a_storm(
    seed: int, firm: Any, connection: Connection, qbo: Any, there: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owed, "chance", random.Random(seed))
    storm = Storm(seed, firm, connection, qbo)
    for _ in range(14):
        storm.step()
    storm.calm()
    assert qbo.faults.fired
    assert not Snag.objects.exclude(code="both_changed").exclude(closed_at__isnull=False).exists()
    assert Connection.objects.get().state == Connection.State.LIVE
    assert not Call.objects.filter(closed_at__isnull=True).exists()
    assert not Link.objects.filter(owed_since__isnull=False).exists()
    rows = there.rows("Invoice")
    for invoice in Invoice.objects.all():
        (row,) = [row for row in rows if row.get("DocNumber") == invoice.number]
        assert (Decimal(row["TotalAmt"]), Decimal(row["Balance"])) == (invoice.total, standing(invoice).due)
    ids = {link.remote_id for link in Link.objects.filter(kind="client")}
    customers = {row["CustomerRef"]["value"] for row in rows if str(row.get("DocNumber", "")).startswith("CS-")}
    assert customers <= ids
    paid = [row for row in there.rows("Payment") if row["CustomerRef"]["value"] in ids]
    assert len(paid) == Payment.objects.count()
    assert sum(Decimal(row["TotalAmt"]) for row in paid) == sum(p.amount for p in Payment.objects.all())
    for link in Link.objects.filter(kind="client").select_related("client"):
        row = there.of(link)
        assert row["PrimaryEmailAddr"]["Address"] == link.client.billing_email
        assert row.get("PrimaryPhone", {}).get("FreeFormNumber", "") == link.client.phone
