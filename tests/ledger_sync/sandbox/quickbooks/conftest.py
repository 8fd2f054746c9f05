"""The sandbox with a small firm in it, spoken to as an app does: raw JSON, or the real SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from practice.core import clock
from tests.ledger_sync.sandbox.quickbooks.qbo_app import COMPANY, MORNING, App, unlimited


@pytest.fixture(autouse=True)
def fixed_clock() -> Iterator[None]:
    with clock.at(MORNING):
        yield


@pytest.fixture
def sandbox() -> QuickBooksSandbox:
    return unlimited(QuickBooksSandbox(company=COMPANY))


@pytest.fixture
def app(sandbox: QuickBooksSandbox) -> App:
    return App(sandbox)
