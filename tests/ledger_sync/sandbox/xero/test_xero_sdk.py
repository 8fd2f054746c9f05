"""Xero's own Python SDK against the sandbox: everything it sends is understood, everything it gets can be read."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from xero_python.accounting import (
    Account,
    AccountingApi,
    Allocation,
    Allocations,
    BankTransaction,
    BankTransactions,
    BankTransfer,
    BankTransfers,
    Contact,
    Contacts,
    CreditNote,
    CreditNotes,
    HistoryRecord,
    HistoryRecords,
    Invoice,
    Invoices,
    LineAmountTypes,
    LineItem,
    Payment,
    PaymentDelete,
    Payments,
)
from xero_python.exceptions import AccountingBadRequestException, NotFoundException, RateLimitException

from ledger_sync.sandbox.xero import XeroSandbox
from practice.core.sandbox.faults import Fault
from tests.ledger_sync.sandbox.xero.xero_app import App, sdk_over, unlimited


def lines(amount: float = 100, code: str = "200") -> list[LineItem]:
    return [LineItem(description="Fee", quantity=1, unit_amount=amount, account_code=code)]


@pytest.fixture
def contact(sdk: AccountingApi, app: App) -> Contact:
    made = sdk.create_contacts(
        app.tenant, Contacts(contacts=[Contact(name="Tern & Sons", email_address="aldo@tern.example")])
    )
    return made.contacts[0]


@pytest.fixture
def invoice(sdk: AccountingApi, app: App, contact: Contact) -> Invoice:
    body = Invoice(
        type="ACCREC",
        contact=Contact(contact_id=contact.contact_id),
        line_items=lines(),
        date=date(2026, 11, 20),
        due_date=date(2026, 12, 4),
        line_amount_types=LineAmountTypes.EXCLUSIVE,
        status="AUTHORISED",
        invoice_number="CS-00001",
    )
    return sdk.create_invoices(
        app.tenant, Invoices(invoices=[body]), summarize_errors=False, unitdp=4, idempotency_key="k"
    ).invoices[0]


def test_invoices_round_trip(sdk: AccountingApi, app: App, invoice: Invoice) -> None:
    assert (invoice.status_attribute_string, invoice.status, float(invoice.total)) == ("OK", "AUTHORISED", 110.0)
    assert invoice.date == date(2026, 11, 20)
    listed = sdk.get_invoices(app.tenant, statuses=["AUTHORISED"], page=1, page_size=10, invoice_numbers=["CS-00001"])
    assert (listed.pagination.item_count, listed.invoices[0].invoice_id) == (1, invoice.invoice_id)
    assert listed.invoices[0].line_items[0].account_code == "200"
    change = Invoices(invoices=[Invoice(invoice_id=invoice.invoice_id, reference="PO 7")])
    assert sdk.update_invoice(app.tenant, invoice.invoice_id, change).invoices[0].reference == "PO 7"
    assert sdk.update_or_create_invoices(app.tenant, change, summarize_errors=True).invoices[0].reference == "PO 7"
    sdk.email_invoice(app.tenant, invoice.invoice_id, {})
    assert sdk.get_invoice(app.tenant, invoice.invoice_id).invoices[0].sent_to_contact is True
    assert sdk.get_online_invoice(app.tenant, invoice.invoice_id).online_invoices[0].online_invoice_url
    with open(sdk.get_invoice_as_pdf(app.tenant, invoice.invoice_id), "rb") as pdf:
        assert pdf.read(4) == b"%PDF"


def test_money_round_trip(sdk: AccountingApi, app: App, invoice: Invoice, contact: Contact) -> None:
    clearing = next(one for one in sdk.get_accounts(app.tenant).accounts if one.code == "091")
    body = Payment(
        invoice=Invoice(invoice_id=invoice.invoice_id), account=Account(account_id=clearing.account_id), amount=10
    )
    paid = sdk.create_payments(app.tenant, Payments(payments=[body]), summarize_errors=False).payments[0]
    assert float(paid.invoice.amount_due) == 100.0
    single = Payment(invoice=Invoice(invoice_id=invoice.invoice_id), code="091", amount=5, date=date(2026, 11, 19))
    assert sdk.create_payment(app.tenant, single).payments[0].payment_type == "ACCRECPAYMENT"
    assert (
        sdk.delete_payment(app.tenant, paid.payment_id, PaymentDelete(status="DELETED")).payments[0].status == "DELETED"
    )
    assert len(sdk.get_payments(app.tenant, page=1).payments) == 2
    who = Contact(contact_id=contact.contact_id)
    note = CreditNote(
        type="ACCRECCREDIT", contact=who, status="AUTHORISED", line_items=lines(20), date=date(2026, 11, 20)
    )
    note = sdk.create_credit_notes(app.tenant, CreditNotes(credit_notes=[note])).credit_notes[0]
    part = Allocation(invoice=Invoice(invoice_id=invoice.invoice_id), amount=5.5, date=date(2026, 11, 20))
    made = sdk.create_credit_note_allocation(
        app.tenant, note.credit_note_id, Allocations(allocations=[part]), summarize_errors=False
    )
    assert float(made.allocations[0].amount) == 5.5
    assert float(sdk.get_credit_note(app.tenant, note.credit_note_id).credit_notes[0].remaining_credit) == 16.5
    with pytest.raises(ValueError, match="must not be `None`"):  # the SDK cannot read the answer that Xero documents
        sdk.delete_credit_note_allocations(app.tenant, note.credit_note_id, made.allocations[0].allocation_id)
    assert float(sdk.get_invoice(app.tenant, invoice.invoice_id).invoices[0].amount_credited) == 0.0


def test_bank_round_trip(sdk: AccountingApi, app: App, contact: Contact) -> None:
    accounts = {one.code: Account(account_id=one.account_id) for one in sdk.get_accounts(app.tenant).accounts}
    who = Contact(contact_id=contact.contact_id)
    spend = BankTransaction(
        type="SPEND",
        contact=who,
        bank_account=accounts["091"],
        line_items=lines(2.9, "404"),
        line_amount_types=LineAmountTypes.INCLUSIVE,
    )
    over = BankTransaction(
        type="RECEIVE-OVERPAYMENT", contact=who, bank_account=accounts["091"], line_items=lines(50, "610")
    )
    made = sdk.create_bank_transactions(app.tenant, BankTransactions(bank_transactions=[spend, over])).bank_transactions
    assert [float(one.total) for one in made] == [2.9, 50.0]
    waiting = sdk.get_overpayments(app.tenant, page=1).overpayments
    assert waiting[0].overpayment_id == made[1].overpayment_id
    move = BankTransfer(
        from_bank_account=accounts["091"],
        to_bank_account=accounts["090"],
        amount=10.0,
        date=date(2026, 11, 20),
        reference="po_1",
    )
    transfer = sdk.create_bank_transfer(app.tenant, BankTransfers(bank_transfers=[move])).bank_transfers[0]
    assert transfer.status == "AUTHORISED"
    assert len(sdk.get_bank_transactions(app.tenant, page=1).bank_transactions) == 4
    assert sdk.get_bank_transfers(app.tenant).bank_transfers[0].reference == "po_1"


def test_history_and_attachments(sdk: AccountingApi, app: App, invoice: Invoice) -> None:
    note = HistoryRecords(history_records=[HistoryRecord(details="debit under way")])
    sdk.create_invoice_history(app.tenant, invoice.invoice_id, note)
    assert sdk.get_invoice_history(app.tenant, invoice.invoice_id).history_records[0].details == "debit under way"
    saved = sdk.create_invoice_attachment_by_file_name(
        app.tenant, invoice.invoice_id, "signed contract.pdf", b"%PDF-1", include_online=True
    ).attachments[0]
    assert (saved.mime_type, saved.content_length) == ("application/pdf", 6)
    assert len(sdk.get_invoice_attachments(app.tenant, invoice.invoice_id).attachments) == 1


READS: list[tuple[str, dict[str, Any]]] = [
    ("get_accounts", {}),
    ("get_bank_transactions", {"page": 1}),
    ("get_bank_transfers", {}),
    ("get_branding_themes", {}),
    ("get_contact_groups", {}),
    ("get_contacts", {"page": 1, "include_archived": True}),
    ("get_contacts", {"summary_only": True}),
    ("get_credit_notes", {"page": 1}),
    ("get_currencies", {}),
    ("get_invoice_reminders", {}),
    ("get_invoices", {}),
    ("get_invoices", {"page": 2, "page_size": 10}),
    ("get_invoices", {"summary_only": True, "page": 1}),
    ("get_items", {}),
    ("get_organisations", {}),
    ("get_overpayments", {"page": 1}),
    ("get_payments", {"page": 1}),
    ("get_prepayments", {"page": 1}),
    ("get_repeating_invoices", {}),
    ("get_tax_rates", {}),
    ("get_tracking_categories", {"include_archived": True}),
    ("get_users", {}),
    ("get_batch_payments", {}),
]


@pytest.fixture
def trading(sandbox: XeroSandbox) -> XeroSandbox:
    """The vendor's demo company, in place of the small one."""
    return unlimited(XeroSandbox(company="vendor"))


@pytest.mark.parametrize(("method", "arguments"), READS)
def test_every_list_of_the_demo_company_can_be_read(
    trading: XeroSandbox, method: str, arguments: dict[str, Any]
) -> None:
    app = App(trading)
    with sdk_over(app) as sdk:
        answer = getattr(sdk, method)(app.tenant, **arguments)
    rows = next(value for key, value in answer.to_dict().items() if isinstance(value, list))
    assert rows or method in ("get_contact_groups", "get_prepayments", "get_batch_payments")


def test_refusals_come_as_the_sdks_exceptions(sdk: AccountingApi, app: App, invoice: Invoice) -> None:
    with pytest.raises(AccountingBadRequestException) as refused:
        sdk.create_contacts(app.tenant, Contacts(contacts=[Contact(name="Tern & Sons")]), summarize_errors=True)
    assert refused.value.reason.startswith("The contact name Tern & Sons is already assigned")
    element = sdk.create_contacts(
        app.tenant, Contacts(contacts=[Contact(name="Tern & Sons")]), summarize_errors=False
    ).contacts[0]
    assert (element.status_attribute_string, element.has_validation_errors) == ("ERROR", True)
    with pytest.raises(NotFoundException):
        sdk.get_invoice(app.tenant, "11111111-1111-4111-8111-111111111111")
    app.sandbox.faults.order(Fault("rate_limited", detail="minute"))
    with pytest.raises(RateLimitException) as limited:
        sdk.get_organisations(app.tenant)
    assert limited.value.rate_limit == "minute"
    assert limited.value.headers["Retry-After"] == "30"
