"""Every kind of object can be read, and written back, by the public Python library's own classes."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from typing import Any

import pytest
import quickbooks.objects
from quickbooks import QuickBooks
from quickbooks.objects import (
    budget,
    companycurrency,
    creditcardpayment_entity,
    customertype,
    exchangerate,
    recurringtransaction,
    taxservice,
)

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from practice.core import network
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, unlimited
from tests.ledger_sync.sandbox.quickbooks.test_qbo_sdk import Auth, Local

#: Read by its own class; python-quickbooks' BillPayment and Deposit lines borrow the name of their document.
CLASSES = {
    cls.qbo_object_name: cls
    for _, cls in inspect.getmembers(quickbooks.objects, inspect.isclass)
    if getattr(cls, "qbo_object_name", "") == cls.__name__ and hasattr(cls, "all")
} | {
    "Budget": budget.Budget, "CompanyCurrency": companycurrency.CompanyCurrency, "CustomerType": customertype.CustomerType,
    "CreditCardPayment": creditcardpayment_entity.CreditCardPayment,
}  # fmt: skip


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[QuickBooks]:
    monkeypatch.setitem(os.environ, "OAUTHLIB_INSECURE_TRANSPORT", "1")
    sandbox = unlimited(QuickBooksSandbox(company="vendor"))
    app = App(sandbox)
    keeper = sandbox.bookkeeper
    keeper.set_preference("CurrencyPrefs", "MultiCurrencyEnabled", True)
    app.post("CompanyCurrency", {"Code": "EUR"})
    app.call("POST", "/exchangerate", {"SourceCurrencyCode": "EUR", "Rate": 1.1, "AsOfDate": "2026-11-01"})
    app.post("Budget", {"Name": "B", "StartDate": "2027-01-01", "EndDate": "2027-12-31"})
    app.post("Attachable", {"Note": "x"})
    app.post(
        "CreditCardPayment",
        {"BankAccountRef": app.account("Checking"), "Amount": 7, "CreditCardAccountRef": app.account("Firm Card")},
    )
    with network.answer_in_process({"qbo.test": sandbox}):
        auth = Auth(
            app.keys["client_id"],
            app.keys["client_secret"],
            "http://localhost/cb",
            "http://qbo.test/.well-known/openid_configuration/",
        )
        client = Local(auth_client=auth, refresh_token=app.refresh_token, company_id=app.realm, minorversion=75)
        network.mount(client.session)
        client.app = app
        yield client


def test_every_kind_the_library_knows_is_read_and_means_what_the_wire_said(sdk: QuickBooks) -> None:
    assert len(CLASSES) >= 33
    for name, cls in sorted(CLASSES.items()):
        (found, *_) = cls.all(qb=sdk, max_results=1000) or [None]
        assert found, name
        row: dict[str, Any] = sdk.app.query(f"SELECT * FROM {name} MAXRESULTS 1000")[name][0]
        assert str(found.Id) == row["Id"], name
        if name not in ("CompanyInfo",) and hasattr(cls, "get"):
            assert str(cls.get(row["Id"], qb=sdk).Id) == row["Id"], name
        written = found.to_json()
        assert isinstance(written, str), name
        for key, value in row.items():
            if isinstance(value, str):
                assert str(getattr(found, key)) == value, (name, key)


def test_what_is_saved_unchanged_stays_as_it_was(sdk: QuickBooks) -> None:
    """A full update with everything the library holds: only SyncToken and time differ, and what is empty may be told."""
    for name in ("Account", "Class", "Customer", "Department", "Employee", "Item", "PaymentMethod", "Term", "Vendor", "Invoice", "CreditMemo",
                 "RefundReceipt", "SalesReceipt", "Transfer"):  # fmt: skip
        before = sdk.app.query(f"SELECT * FROM {name} MAXRESULTS 1000")[name][0]
        saved = CLASSES[name].get(before["Id"], qb=sdk).save(qb=sdk)
        after = sdk.app.get(name, saved.Id)
        more = {key: value for key, value in after.items() if key not in before}
        assert not any(more.values()), (name, more)
        kept = {key: after.get(key) for key in before if key not in ("SyncToken", "MetaData")}
        assert kept == {key: before[key] for key in kept}, name
    prefs = quickbooks.objects.Preferences.get(qb=sdk)
    assert prefs.save(qb=sdk).SalesFormsPrefs.CustomTxnNumbers is True


def test_rates_codes_and_templates(sdk: QuickBooks) -> None:
    rate = exchangerate.ExchangeRate()
    rate.SourceCurrencyCode, rate.Rate, rate.AsOfDate = "EUR", 1.25, "2026-11-15"
    assert float(rate.save(qb=sdk).Rate) == 1.25
    assert exchangerate.ExchangeRate.where("SourceCurrencyCode = 'EUR'", qb=sdk)[0].TargetCurrencyCode == "USD"
    made = taxservice.TaxService()
    made.TaxCode = "County"
    detail = taxservice.TaxRateDetails()
    detail.TaxRateName, detail.RateValue, detail.TaxAgencyId = "County", 2, 1
    made.TaxRateDetails.append(detail)
    assert made.save(qb=sdk).TaxCodeId
    (template,) = recurringtransaction.RecurringTransaction.where("Type = 'Invoice'", qb=sdk)
    assert template.Invoice.RecurringInfo.Name == "Monthly close"
