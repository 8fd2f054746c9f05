"""What billing's pages say of the day's invoices, of quiet runs, and of an invoice that is paid in parts."""

from datetime import date, timedelta
from decimal import Decimal

from billing import payments, runs
from billing.models import BillingRun
from billing.queries import Quiet, issued_on, runs_of
from billing.standing import parts_of, standing_of
from practice.core import clock
from tests.billing.conftest import TODAY, line
from tests.billing.test_client_pages import link_to
from tests.billing.test_pages import owner, url

__all__ = ["owner"]
DONE = date(2027, 2, 26)


def text_of(browser, address):
    return " ".join(browser.get(address).content.decode().split())


def in_parts(firm, client):
    """3,300.00: a deposit of 990.00 now, 2,310.00 on completion."""
    work = line("3000", cadence="completion")
    _, (invoice,) = firm.agreement(client, work, deposit=Decimal(990), expected_completion_on=DONE)
    return invoice


def pay_deposit(firm, invoice):
    receipt = payments.Receipt(
        source="hand", method="bank", amount=Decimal(990), currency="AUD", reference="deposit", state="succeeded",
        initiated_at=clock.now(), paid_on=TODAY,
    )  # fmt: skip
    payments.record_payment(
        entity=firm.entity, client=invoice.client, receipt=receipt, on_invoices=[(invoice, Decimal(990))],
        now=clock.now(),
    )  # fmt: skip


def parts(invoice):
    invoice.refresh_from_db()
    return [(p.what, p.open) for p in parts_of(invoice.instalments.order_by("position"), standing_of(invoice, TODAY))]


def test_every_invoice_of_the_day_counts_however_it_was_issued(firm, larkspur, owner):
    firm.agreement(larkspur, line("100", cadence="month"), starts_on=TODAY)
    firm.invoice(larkspur)
    firm.invoice(larkspur, "55.55")
    runs.run_billing(entity_id=firm.entity.pk, on=TODAY, now=clock.now())
    found = issued_on(firm.practice, TODAY)
    assert found.issued == found.by_run + found.otherwise
    assert found.otherwise >= 2
    shown = text_of(owner, url(firm, "billing"))
    assert f">{found.issued} invoices</a> issued today:" in shown
    assert "0 invoices" not in shown


def test_runs_that_found_nothing_are_folded_between_those_that_billed(firm, owner):
    for days, issued in enumerate([0, 0, 0, 4, 0, 0, 7]):
        BillingRun.objects.create(
            entity=firm.entity, on=TODAY - timedelta(days=days), started_at=clock.now(), finished_at=clock.now(),
            issued=issued,
        )  # fmt: skip
    shown = runs_of(firm.practice)
    assert [len(row.runs) if isinstance(row, Quiet) else row.issued for row in shown] == [3, 4, 2, 7]
    page = text_of(owner, url(firm, "billing"))
    assert "nothing due" in page
    assert "0 invoices</dd>" not in page


def test_a_run_that_failed_or_goes_on_is_never_folded(firm):
    made = {"entity": firm.entity, "started_at": clock.now()}
    BillingRun.objects.create(**made, on=TODAY)
    problems = [{"agreement": "P-1", "problem": "no rate"}]
    BillingRun.objects.create(**made, on=TODAY - timedelta(days=1), finished_at=clock.now(), problems=problems)
    assert not [row for row in runs_of(firm.practice) if isinstance(row, Quiet)]


def test_what_was_paid_comes_off_the_earliest_part(firm, larkspur):
    invoice = in_parts(firm, larkspur)
    assert parts(invoice) == [("Deposit", Decimal("990.00")), ("Balance", Decimal("2310.00"))]
    pay_deposit(firm, invoice)
    assert parts(invoice) == [("Deposit", Decimal("0.00")), ("Balance", Decimal("2310.00"))]


def test_a_paid_part_is_settled_on_our_page_and_on_the_clients(firm, larkspur, account, owner, client):
    invoice = in_parts(firm, larkspur)
    pay_deposit(firm, invoice)
    shown = text_of(owner, url(firm, "invoice", pk=invoice.pk))
    assert "Deposit, $990.00" in shown
    assert "$2,310.00 open" in shown
    assert 'Deposit, $990.00</td><td class="r">settled</td>' in text_of(client, link_to(invoice))
