"""A sandbox with an Australian firm in it, spoken to as an app does: raw JSON, or Xero's own SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from xero_app import COMPANY, NOON, App, unlimited
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token

from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import clock, network


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


@contextmanager
def sdk_over(app: App) -> Iterator[AccountingApi]:
    """Xero's SDK over the in-process transport, configured as a careful app would."""
    token = {"access_token": app.token, "scope": ["x"], "expires_in": 1800, "token_type": "Bearer"}
    client = ApiClient(
        Configuration(oauth2_token=OAuth2Token()),
        oauth2_token_getter=lambda: token,
        oauth2_token_saver=lambda new: None,
    )
    client.configuration.oauth2_token = OAuth2Token(client_id="x", client_secret="y")
    network.guard(client.rest_client.pool_manager)
    with network.answer_in_process({"xero.test": app.sandbox}):
        yield AccountingApi(client, base_url="http://xero.test/api.xro/2.0")


@pytest.fixture
def sdk(app: App) -> Iterator[AccountingApi]:
    with sdk_over(app) as api:
        yield api
