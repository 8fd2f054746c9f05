"""From the signed agreement to invoices: deposits to the cent, dates from the anchor, and runs that bill once."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError

from billing import agreements, deposits, invoicing, runs, schedules
from billing.models import BillingRun, Charge, Invoice, ScheduleRule
from billing.standing import standing_of
from practice.core import clock
from practice.firm.models import Client
from tests.billing.conftest import TODAY, line


def amounts(invoices):
    return [(i.number, i.total) for i in invoices]


class Killed(BaseException):
    """The process died here."""


def test_a_part_payment_deposit_is_one_invoice_in_two_parts(firm, larkspur):
    """Australia: 3,300.00 of which GST 300.00; 990.00 now, 2,310.00 on completion."""
    done = date(2027, 2, 26)
    _, (invoice,) = firm.agreement(
        larkspur, line("3000", cadence="completion"), deposit=Decimal("990.00"), expected_completion_on=done
    )
    assert (invoice.total, invoice.tax, invoice.due_on) == (Decimal("3300.00"), Decimal("300.00"), done)
    assert [(p.what, p.amount, p.due_on) for p in invoice.instalments.order_by("position")] == [
        ("Deposit", Decimal("990.00"), TODAY),
        ("Balance", Decimal("2310.00"), done),
    ]


def test_an_upfront_fee_is_an_invoice_of_its_own_and_comes_off_the_last(us_firm):
    """United States, cash basis: 990.00 is earned when billed; the final bill is 3,000.00 less it."""
    client = us_firm.client("Penrose Joinery LLC")
    engagement, (fee,) = us_firm.agreement(client, line("3000", cadence="completion"), deposit=Decimal("990.00"))
    assert (fee.total, fee.tax) == (Decimal("990.00"), Decimal("0.00"))
    schedules.finish_work(rule_id=engagement.rules.get().pk, on=clock.today("America/New_York"))
    run = runs.run_billing(entity_id=us_firm.entity.pk, on=clock.today("America/New_York"), now=clock.now())
    (final,) = run.invoices.all()
    assert final.total == Decimal("2010.00")
    assert {row.amount for row in final.lines.all()} == {Decimal("3000.00"), Decimal("-990.00")}


def test_the_work_of_a_zero_rated_client_is_worth_what_it_is_billed_at(firm, larkspur):
    larkspur.tax_treatment = Client.Tax.ZERO
    larkspur.save()
    work = line("3000", cadence="completion")
    with pytest.raises(agreements.AgreementRefused, match=r"3,000\.00"):
        firm.agreement(larkspur, work, deposit=Decimal("3000.00"))
    _, (invoice,) = firm.agreement(larkspur, work, deposit=Decimal("2999.99"))
    assert (invoice.total, invoice.tax) == (Decimal("3000.00"), Decimal("0.00"))
    assert [part.amount for part in invoice.instalments.order_by("position")] == [Decimal("2999.99"), Decimal("0.01")]


def test_a_deposit_of_the_whole_work_is_refused_and_leaves_nothing(firm, larkspur):
    with pytest.raises(agreements.AgreementRefused, match=r"less than the work it is taken off \(\$3,300.00\)"):
        firm.agreement(larkspur, line("3000", cadence="completion"), deposit=Decimal("3300.00"))
    assert Invoice.objects.count() == 0
    engagement, _ = firm.agreement(larkspur, line("100", cadence="month"))
    with pytest.raises(deposits.DepositTooLarge):
        deposits.bill_deposit(engagement=engagement, deposit=Decimal("10.00"), on=TODAY, now=clock.now())


def test_what_is_due_on_signing_is_billed_on_the_evening_of_the_signature(us_firm):
    with clock.at(datetime(2026, 11, 21, 2, 0, tzinfo=UTC)):
        assert clock.today(us_firm.entity.time_zone) == date(2026, 11, 20)
        engagement, first = us_firm.agreement(
            us_firm.client("Penrose Joinery LLC"), line("400", cadence="once"), starts_on=date(2026, 12, 1)
        )
    assert [invoice.issued_on for invoice in first] == [date(2026, 11, 20)]
    assert engagement.charges.get().due_on == date(2026, 11, 20)


def test_the_31st_is_counted_from_the_anchor(firm, larkspur):
    engagement, _ = firm.agreement(larkspur, line("100", cadence="month"), starts_on=date(2027, 1, 31))
    days = list(engagement.charges.order_by("nth").values_list("due_on", flat=True)[:4])
    assert days == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]


@pytest.mark.parametrize(
    ("cadence", "days"),
    [
        ("week", [date(2027, 1, 31), date(2027, 2, 7), date(2027, 2, 14)]),
        ("month", [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)]),
        ("quarter", [date(2027, 1, 31), date(2027, 4, 30), date(2027, 7, 31)]),
        ("year", [date(2027, 1, 31), date(2028, 1, 31)]),
    ],
)
def test_every_rhythm_counts_from_the_day_it_starts_and_is_billed_on_its_days(firm, larkspur, cadence, days):
    engagement, _ = firm.agreement(larkspur, line("100", cadence=cadence), starts_on=days[0])
    for on in days:
        clock.move(datetime.combine(on, time(2), UTC))
        run = runs.run_billing(entity_id=firm.entity.pk, on=on, now=clock.now())
        assert (on, run.issued) == (on, 1)
    billed = engagement.charges.filter(state="billed").order_by("due_on")
    assert list(billed.values_list("due_on", flat=True)) == days


def test_planning_again_plans_nothing_twice(firm, larkspur):
    engagement, _ = firm.agreement(larkspur, line("100", cadence="month"))
    before = engagement.charges.count()
    assert schedules.plan_charges(engagement=engagement, until=schedules.horizon(TODAY)) == 0
    assert engagement.charges.count() == before == 14
    with pytest.raises(IntegrityError):
        Charge.objects.filter(line__engagement=engagement, nth=1).update(nth=0)


def test_a_run_bills_what_is_due_once_however_often_it_runs(firm, larkspur):
    firm.agreement(larkspur, line("100", cadence="month"), line("50", cadence="quarter"))
    tidewater = firm.client("Tidewater Yachts Pty Ltd")
    firm.agreement(tidewater, line("200", cadence="month"))
    on = date(2026, 12, 20)
    clock.advance(days=30)
    for _ in range(2):
        run = runs.run_billing(entity_id=firm.entity.pk, on=on, now=clock.now())
    assert sorted(i.total for i in run.invoices.all()) == [Decimal("110.00"), Decimal("220.00")]
    assert (BillingRun.objects.count(), run.issued) == (1, 2)


@pytest.mark.parametrize("place", ["issue_invoice", "_finish"])
def test_a_run_killed_between_commits_goes_on_where_it_stopped(firm, larkspur, monkeypatch, place):
    """Killed in the second of three commits, or after the last: the next run bills exactly the rest."""
    for n in range(3):
        firm.agreement(firm.client(f"Client {n}"), line("100", cadence="month"))
    clock.advance(days=30)
    on = date(2026, 12, 20)
    monkeypatch.setattr(runs, "PER_COMMIT", 1)
    real = getattr(invoicing if place == "issue_invoice" else runs, place)
    calls = []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) == (2 if place == "issue_invoice" else 1):
            raise Killed
        return real(*args, **kwargs)

    target = invoicing if place == "issue_invoice" else runs
    monkeypatch.setattr(target, place, dies)
    with pytest.raises(Killed):
        runs.run_billing(entity_id=firm.entity.pk, on=on, now=clock.now())
    assert Invoice.objects.filter(issued_on=on).count() == (1 if place == "issue_invoice" else 3)
    assert runs.due_entities(clock.now()) == [(firm.entity.pk, on)]
    run = runs.run_billing(entity_id=firm.entity.pk, on=on, now=clock.now())
    assert Invoice.objects.filter(issued_on=on).count() == run.issued == 3
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    assert numbers == [f"CS-{n:05d}" for n in range(1, len(numbers) + 1)]
    assert runs.due_entities(clock.now()) == []


def test_two_runs_at_once_bill_once(firm, monkeypatch):
    """Both have read what is due; one is done before the other writes its first invoice."""
    for n in range(5):
        firm.agreement(firm.client(f"Client {n}"), line("100", cadence="month"))
    clock.advance(days=30)
    on, real = date(2026, 12, 20), runs._commit

    def overtaken(*args):
        monkeypatch.setattr(runs, "_commit", real)
        runs.run_billing(entity_id=firm.entity.pk, on=on, now=clock.now())
        real(*args)

    monkeypatch.setattr(runs, "_commit", overtaken)
    run = runs.run_billing(entity_id=firm.entity.pk, on=on, now=clock.now())
    assert Invoice.objects.filter(issued_on=on).count() == 5
    assert (BillingRun.objects.count(), run.issued, run.problems) == (1, 5, [])


def test_the_hour_of_billing_is_the_entitys_own(firm):
    before = datetime(2026, 11, 20, 18, 59, tzinfo=UTC)  # 05:59 in Sydney
    with clock.at(before):
        assert runs.due_entities(clock.now()) == []
    with clock.at(before + timedelta(minutes=1)):
        assert runs.due_entities(clock.now()) == [(firm.entity.pk, date(2026, 11, 21))]


def test_work_is_billed_when_it_is_said_to_be_finished_and_once(firm, larkspur):
    engagement, first = firm.agreement(larkspur, line("1500", cadence="completion"))
    assert first == []
    rule = engagement.rules.get()
    assert rule.kind == ScheduleRule.Kind.COMPLETION
    schedules.finish_work(rule_id=rule.pk, on=TODAY)
    with pytest.raises(schedules.ChargeCannotChange, match="20 November 2026"):
        schedules.finish_work(rule_id=rule.pk, on=TODAY)
    run = runs.run_billing(entity_id=firm.entity.pk, on=TODAY, now=clock.now())
    assert [i.total for i in run.invoices.all()] == [Decimal("1650.00")]


def test_held_skipped_and_paused_charges_stay_out(firm, larkspur):
    engagement, _ = firm.agreement(larkspur, line("100", cadence="month"))
    charges = list(engagement.charges.filter(state="planned").order_by("nth"))
    schedules.hold_charge(charge_id=charges[0].pk, reason="Waits for the client")
    schedules.skip_charge(charge_id=charges[1].pk, reason="Free month")
    clock.advance(days=62)
    today = clock.today("Australia/Sydney")
    run = runs.run_billing(entity_id=firm.entity.pk, on=today, now=clock.now())
    assert run.issued == 0
    schedules.release_charge(charge_id=charges[0].pk)
    agreements.pause_agreement(engagement_id=engagement.pk, reason="Away")
    clock.advance(days=1)
    assert runs.run_billing(entity_id=firm.entity.pk, on=today + timedelta(days=1), now=clock.now()).issued == 0
    agreements.resume_agreement(engagement_id=engagement.pk, reason="Back")
    clock.advance(days=1)
    assert runs.run_billing(entity_id=firm.entity.pk, on=today + timedelta(days=2), now=clock.now()).issued == 1


def test_any_price_can_be_billed_to_the_cent(firm, larkspur):
    """0.05 + 0.01 is 0.06, also where the database counts in floating point."""
    for cents in range(1, 400, 3):
        invoice = firm.invoice(larkspur, f"{cents / 100:.2f}")
        assert invoice.total == invoice.net + invoice.tax
    assert standing_of(invoice, TODAY).due == invoice.total


def test_totals_that_do_not_add_up_are_refused_by_the_database(firm, larkspur):
    invoice = firm.invoice(larkspur)
    with pytest.raises(IntegrityError):
        Invoice.objects.filter(pk=invoice.pk).update(total=Decimal("1100.01"))


def test_what_falls_due_before_the_last_day_of_an_ended_agreement_is_billed(firm, larkspur):
    """One month's notice: given on 20 November, the last day is 31 January."""
    engagement, _ = firm.agreement(larkspur, line("100", cadence="month"))
    agreements.end_agreement(engagement_id=engagement.pk, on=date(2027, 1, 31), reason="gave notice")
    billed = []
    for _ in range(4):
        clock.advance(days=31)
        on = clock.today("Australia/Sydney")
        billed.append(runs.run_billing(entity_id=firm.entity.pk, on=on, now=clock.now()).issued)
    assert billed == [1, 1, 0, 0]


def test_an_agreement_ended_far_ahead_is_planned_to_its_last_day(firm, larkspur):
    engagement, _ = firm.agreement(larkspur, line("100", cadence="month"))
    agreements.end_agreement(engagement_id=engagement.pk, on=date(2028, 6, 30), reason="gave notice")
    planned = engagement.charges.filter(state="planned").order_by("due_on")
    assert (planned.count(), planned.last().due_on) == (19, date(2028, 6, 20))


def test_an_agreement_paused_while_the_run_reads_is_not_billed(firm, larkspur, monkeypatch):
    engagement, _ = firm.agreement(larkspur, line("100", cadence="month"))
    clock.advance(days=31)
    real = runs._commit

    def after_a_pause(*args):
        agreements.pause_agreement(engagement_id=engagement.pk, reason="asked for")
        real(*args)

    monkeypatch.setattr(runs, "_commit", after_a_pause)
    run = runs.run_billing(entity_id=firm.entity.pk, on=clock.today("Australia/Sydney"), now=clock.now())
    assert (run.issued, run.problems) == (0, [])
