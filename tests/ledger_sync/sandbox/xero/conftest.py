"""A sandbox with an Australian firm in it, spoken to as an app does: raw JSON, or Xero's own SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from xero_python.accounting import AccountingApi

from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import clock
from tests.ledger_sync.sandbox.xero.xero_app import COMPANY, NOON, App, sdk_over, unlimited


@pytest.fixture(autouse=True)
def fixed_clock() -> Iterator[None]:
    with clock.at(NOON):
        yield


@pytest.fixture
def sandbox() -> XeroSandbox:
    return unlimited(XeroSandbox(company=COMPANY))


@pytest.fixture
def app(sandbox: XeroSandbox) -> App:
    return App(sandbox)


@pytest.fixture
def sdk(app: App) -> Iterator[AccountingApi]:
    with sdk_over(app) as api:
        yield api
