"""Every route of the API the sandbox plays, with the handler that works it and who may call it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from billing.sandbox.stripe import (
    accounts,
    balance,
    charges,
    customers,
    disputes,
    events,
    mandates,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    searching,
    setup_intents,
)
from billing.sandbox.stripe.books import Books
from billing.sandbox.stripe.wire import Row

Handler = Callable[..., Row]


@dataclass(frozen=True)
class Route:
    """One route; ``name`` is also its key in the table of parameters."""

    name: str
    work: Handler
    pattern: re.Pattern[str]
    #: Whether a publishable key may call it, showing a client secret (docs.stripe.com/keys).
    browser: bool = False

    @property
    def resource(self) -> str:
        """The resource a restricted key needs permission for."""
        return self.name.split("/")[2]


def _account(books: Books, params: Row) -> Row:
    return accounts.public(books.account)


_WORK: dict[str, Handler] = {
    "POST /v1/customers": customers.create,
    "GET /v1/customers": customers.listing,
    "GET /v1/customers/search": searching.search("customer", "/v1/customers/search"),
    "GET /v1/customers/{key}": customers.retrieve,
    "POST /v1/customers/{key}": customers.update,
    "DELETE /v1/customers/{key}": customers.delete,
    "GET /v1/customers/{key}/payment_methods": payment_methods.of_customer,
    "GET /v1/customers/{key}/payment_methods/{method}": payment_methods.one_of_customer,
    "POST /v1/payment_methods": payment_methods.create,
    "GET /v1/payment_methods": payment_methods.listing,
    "GET /v1/payment_methods/{key}": payment_methods.retrieve,
    "POST /v1/payment_methods/{key}": payment_methods.update,
    "POST /v1/payment_methods/{key}/attach": payment_methods.attach,
    "POST /v1/payment_methods/{key}/detach": payment_methods.detach,
    "POST /v1/setup_intents": setup_intents.create,
    "GET /v1/setup_intents": setup_intents.listing,
    "GET /v1/setup_intents/{key}": setup_intents.retrieve,
    "POST /v1/setup_intents/{key}": setup_intents.update,
    "POST /v1/setup_intents/{key}/confirm": setup_intents.confirm,
    "POST /v1/setup_intents/{key}/cancel": setup_intents.cancel,
    "POST /v1/setup_intents/{key}/verify_microdeposits": setup_intents.verify_microdeposits,
    "POST /v1/payment_intents": payment_intents.create,
    "GET /v1/payment_intents": payment_intents.listing,
    "GET /v1/payment_intents/search": searching.search("payment_intent", "/v1/payment_intents/search"),
    "GET /v1/payment_intents/{key}": payment_intents.retrieve,
    "POST /v1/payment_intents/{key}": payment_intents.update,
    "POST /v1/payment_intents/{key}/confirm": payment_intents.confirm,
    "POST /v1/payment_intents/{key}/cancel": payment_intents.cancel,
    "POST /v1/payment_intents/{key}/capture": payment_intents.capture,
    "POST /v1/payment_intents/{key}/verify_microdeposits": payment_intents.verify_microdeposits,
    "GET /v1/mandates/{key}": mandates.retrieve,
    "GET /v1/charges": charges.listing,
    "GET /v1/charges/search": searching.search("charge", "/v1/charges/search"),
    "GET /v1/charges/{key}": charges.retrieve,
    "POST /v1/charges/{key}": charges.update,
    "POST /v1/refunds": refunds.create,
    "GET /v1/refunds": refunds.listing,
    "GET /v1/refunds/{key}": refunds.retrieve,
    "POST /v1/refunds/{key}": refunds.update,
    "GET /v1/disputes": disputes.listing,
    "GET /v1/disputes/{key}": disputes.retrieve,
    "POST /v1/disputes/{key}": disputes.update,
    "POST /v1/disputes/{key}/close": disputes.close,
    "GET /v1/balance": balance.retrieve,
    "GET /v1/balance_transactions": balance.listing,
    "GET /v1/balance_transactions/{key}": balance.transaction,
    "POST /v1/payouts": payouts.create,
    "GET /v1/payouts": payouts.listing,
    "GET /v1/payouts/{key}": payouts.retrieve,
    "POST /v1/payouts/{key}": payouts.update,
    "GET /v1/events": events.listing,
    "GET /v1/events/{key}": events.retrieve,
    "POST /v1/webhook_endpoints": events.create_endpoint,
    "GET /v1/webhook_endpoints": events.endpoints,
    "GET /v1/webhook_endpoints/{key}": events.retrieve_endpoint,
    "POST /v1/webhook_endpoints/{key}": events.update_endpoint,
    "DELETE /v1/webhook_endpoints/{key}": events.delete_endpoint,
    "GET /v1/account": _account,
}

_BROWSER = {
    "POST /v1/payment_methods",
    "GET /v1/payment_intents/{key}",
    "POST /v1/payment_intents/{key}/confirm",
    "POST /v1/payment_intents/{key}/verify_microdeposits",
    "GET /v1/setup_intents/{key}",
    "POST /v1/setup_intents/{key}/confirm",
    "POST /v1/setup_intents/{key}/verify_microdeposits",
}


def _compile(name: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(name)))


#: Fixed paths come before those with an id, so that ``/search`` is not read as one.
ROUTES = [
    Route(name, work, _compile(name), name in _BROWSER)
    for name, work in sorted(_WORK.items(), key=lambda item: (item[0].count("{"), item[0]))
]


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a request and the ids in its path, or None. Stripe's paths know upper and lower case."""
    for route in ROUTES:
        if match := route.pattern.fullmatch(f"{method} {path.rstrip('/')}"):
            return route, match.groupdict()
    return None
