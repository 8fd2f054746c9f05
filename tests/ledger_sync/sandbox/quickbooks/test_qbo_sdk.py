"""The public Python library against the sandbox: what it sends is understood, what it gets can be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date

import pytest
from intuitlib.client import AuthClient
from quickbooks import QuickBooks
from quickbooks.batch import batch_create
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import AuthorizationException, ObjectNotFoundException, QuickbooksException
from quickbooks.objects import (
    Account,
    Attachable,
    Class,
    CompanyInfo,
    CreditMemo,
    Customer,
    Department,
    Invoice,
    Item,
    Payment,
    PaymentMethod,
    Preferences,
    Term,
    Transfer,
    Vendor,
)
from quickbooks.objects.base import Address, EmailAddress, Ref
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
from quickbooks.objects.payment import PaymentLine

from practice.core import network
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App


class Local(QuickBooks):
    sandbox_api_url_v3 = api_url_v3 = "http://qbo.test/v3"


class Auth(AuthClient):
    def get_adapter(self, url: str) -> network.GuardedAdapter:
        return network.GuardedAdapter(max_retries=0)


@pytest.fixture
def sdk(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[QuickBooks]:
    monkeypatch.setitem(os.environ, "OAUTHLIB_INSECURE_TRANSPORT", "1")
    with network.answer_in_process({"qbo.test": app.sandbox}):
        keys = app.keys
        auth = Auth(
            keys["client_id"], keys["client_secret"], "http://localhost/cb",
            "http://qbo.test/.well-known/openid_configuration/",
        )  # fmt: skip
        client = Local(
            auth_client=auth, refresh_token=app.refresh_token, company_id=app.realm, minorversion=75, use_decimal=False
        )
        network.mount(client.session)
        yield client


def line(amount: float = 100) -> SalesItemLine:
    made = SalesItemLine()
    made.Amount = amount
    made.SalesItemLineDetail = SalesItemLineDetail()
    made.SalesItemLineDetail.ItemRef = Ref()
    made.SalesItemLineDetail.ItemRef.value = "1"
    return made


def invoice(sdk: QuickBooks, number: str = "CS-1", amount: float = 100) -> Invoice:
    made = Invoice()
    made.CustomerRef = Customer.get(1, qb=sdk).to_ref()
    made.DocNumber = number
    made.Line.append(line(amount))
    return made.save(qb=sdk)


def test_customers_round_trip(sdk: QuickBooks) -> None:
    customer = Customer()
    customer.DisplayName = "Amy's Bird Sanctuary"
    customer.PrimaryEmailAddr = EmailAddress()
    customer.PrimaryEmailAddr.Address = "amy@birds.example"
    customer.BillAddr = Address()
    customer.BillAddr.Line1 = "1 Main"
    saved = customer.save(qb=sdk)
    assert saved.SyncToken == "0"
    (found,) = Customer.filter(DisplayName="Amy's Bird Sanctuary", qb=sdk)
    assert found.PrimaryEmailAddr.Address == "amy@birds.example"
    found.CompanyName = "Birds Inc"
    assert found.save(qb=sdk).SyncToken == "1"
    with pytest.raises(QuickbooksException) as stale:
        found.save(qb=sdk)
    assert stale.value.error_code == 5010
    again = Customer()
    again.DisplayName = "Amy's Bird Sanctuary"
    with pytest.raises(QuickbooksException) as taken:
        again.save(qb=sdk)
    assert taken.value.error_code == 6240
    assert Customer.count(qb=sdk) == 3
    assert len(Customer.choose(["Amy's Bird Sanctuary", "x"], field="DisplayName", qb=sdk)) == 1
    assert len(Customer.where("Active = True", order_by="DisplayName DESC", max_results=2, qb=sdk)) == 2


def test_invoices_round_trip(sdk: QuickBooks) -> None:
    saved = invoice(sdk)
    assert (saved.DocNumber, saved.TotalAmt, saved.Line[1].DetailType) == ("CS-1", 100.0, "SubTotalLineDetail")
    read = Invoice.get(saved.Id, qb=sdk)
    assert read.CustomerRef.name == "Alder Creek Dental LLC"
    read.PrivateNote = "changed"
    assert read.save(qb=sdk).PrivateNote == "changed"
    read = Invoice.get(saved.Id, qb=sdk)
    read.send(qb=sdk, send_to="x+y@ex.com")
    assert Invoice.get(saved.Id, qb=sdk).EmailStatus == "EmailSent"
    assert Invoice.get(saved.Id, qb=sdk).download_pdf(sdk).startswith(b"%PDF")
    Invoice.get(saved.Id, qb=sdk).void(qb=sdk)
    assert Invoice.get(saved.Id, qb=sdk).TotalAmt == 0
    Invoice.get(saved.Id, qb=sdk).delete(qb=sdk)
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(saved.Id, qb=sdk)


def test_payments_and_credits_round_trip(sdk: QuickBooks) -> None:
    paid = invoice(sdk)
    payment = Payment()
    payment.TotalAmt = 60
    payment.CustomerRef = paid.CustomerRef
    share = PaymentLine()
    share.Amount = 60
    share.LinkedTxn.append(paid.to_linked_txn())
    payment.Line.append(share)
    saved = payment.save(qb=sdk)
    assert Invoice.get(paid.Id, qb=sdk).Balance == 40
    saved.void(qb=sdk)
    assert Invoice.get(paid.Id, qb=sdk).Balance == 100
    memo = CreditMemo()
    memo.CustomerRef = paid.CustomerRef
    memo.Line.append(line(20))
    assert memo.save(qb=sdk).RemainingCredit == 20


def test_idempotent_saves(sdk: QuickBooks) -> None:
    def term(name: str) -> Term:
        made = Term()
        made.Name, made.DueDays = name, 7
        return made

    first = term("Net 7").save(qb=sdk, request_id="same")
    assert term("Net 7").save(qb=sdk, request_id="same").Id == first.Id
    assert len(Term.filter(Name="Net 7", qb=sdk)) == 1


def test_lists(sdk: QuickBooks) -> None:
    assert len(Account.all(qb=sdk)) == 30
    assert Item.all(qb=sdk)[0].Name == "Hours"
    account = Account()
    account.Name, account.AccountSubType = "Second bank", "Checking"
    assert account.save(qb=sdk).Id
    item = Item()
    item.Name, item.Type, item.Sku = "Audit", "Service", "AUD"
    item.IncomeAccountRef = Account.filter(Name="Services", qb=sdk)[0].to_ref()
    assert item.save(qb=sdk).Sku == "AUD"
    for kind, name in ((Vendor, "DisplayName"), (Class, "Name"), (Department, "Name"), (PaymentMethod, "Name")):
        row = kind()
        setattr(row, name, "Something new")
        assert row.save(qb=sdk).Id
    assert CompanyInfo.all(qb=sdk)[0].CompanyName == "Larkin CPA"
    assert Preferences.get(qb=sdk).SalesFormsPrefs.CustomTxnNumbers is True


def test_transfers(sdk: QuickBooks) -> None:
    move = Transfer()
    move.Amount = 5
    move.FromAccountRef = Account.filter(Name="Stripe clearing", qb=sdk)[0].to_ref()
    move.ToAccountRef = Account.filter(Name="Checking", qb=sdk)[0].to_ref()
    assert move.save(qb=sdk).Amount == 5


def test_batches_changes_and_files(sdk: QuickBooks) -> None:
    rows = []
    for name in ("One", "Prairie Power & Light"):
        row = Customer()
        row.DisplayName = name
        rows.append(row)
    results = batch_create(rows, qb=sdk)
    assert len(results.successes) == 1
    assert results.faults[0].Error[0].code == "6240"
    changed = change_data_capture([Customer, Invoice], date(2026, 11, 1).isoformat() + "T00:00:00-08:00", qb=sdk)
    assert len(changed.Customer) == 3
    attached = Attachable()
    attached.FileName, attached.ContentType = "hello.txt", "text/plain"
    attached._FileBytes = b"hello"
    assert attached.save(qb=sdk).Size == 5


def test_a_spent_token_is_an_authorisation_error(sdk: QuickBooks, app: App) -> None:
    app.sandbox.identity.disconnect(app.realm)
    with pytest.raises(AuthorizationException):
        Customer.all(qb=sdk)
