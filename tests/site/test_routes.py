"""Every staff address × every role × an outsider × nobody, each with the exact answer.

``routes.txt`` is the table: name, method, the answer for those who may, and the roles that may. Members without the role
get 403, outsiders 404, and whoever is not signed in goes to sign-in. A new address that is not in the table fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.ledger_sync.conftest import connection, firm, xero  # noqa: F401
from tests.site.conftest import ROLES, Everything

pytestmark = pytest.mark.django_db(transaction=True)
#: Which of our rows an address's ``pk`` means, by the words its route begins with.
MEANS = (
    ("billing/runs", "run"), ("billing/charges", "charge"), ("billing/work", "rule"), ("billing/invoices", "invoice"),
    ("billing/payments", "payment"), ("billing/disputes", "dispute"), ("billing/payouts", "payout"),
    ("agreements", "engagement"), ("clients/groups", "group"), ("clients", "client"), ("services", "service"),
    ("settings/entities", "entity"), ("settings/mail", "mail"), ("audit", "client"),
)  # fmt: skip
#: What clients load too: the practice's colours.
PUBLIC = {"brand"}
#: Rows these addresses need do not exist in the fixture: for those who may, the answer is 404.
NOT_THERE = {"dispute": 999_999, "mail": 999_999}


@dataclass(frozen=True)
class Route:
    """One row of the table."""

    name: str
    method: str
    answer: int
    roles: tuple[str, ...]


def table() -> list[Route]:
    rows = (Path(__file__).parent / "routes.txt").read_text().splitlines()
    cells = [row.split() for row in rows if row and not row.startswith("#")]
    return [Route(c[0], c[1], int(c[2]), tuple(c[3:])) for c in cells]


def patterns(resolver: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield str(pattern.name), prefix + str(pattern.pattern)


STAFF = {name: route for name, route in patterns(get_resolver()) if route.startswith("<slug:practice>")}


def address(name: str, everything: Everything) -> str:
    route = STAFF[name].removeprefix("<slug:practice>/")
    known = everything.arguments | {"kind": "billing", "user_id": everything.arguments["member"]}
    known |= {"client_id": known["client"], "entity_id": known["entity"]}
    if name == "audit_object":
        known["kind"] = "firm.client"
    subject = next((word for start, word in MEANS if route.startswith(start)), "")
    known["pk"] = NOT_THERE.get(subject, known.get(subject, 0))
    wanted = {part.split(":")[1].rstrip(">") for part in STAFF[name].split("/") if part.startswith("<")}
    return reverse(name, kwargs={key: known[key] for key in wanted})


def test_every_staff_address_is_in_the_table() -> None:
    assert {route.name for route in table()} == set(STAFF)


@pytest.mark.parametrize("route", table(), ids=lambda route: route.name)
def test_each_role_gets_exactly_its_answer(route: Route, everything: Everything) -> None:
    url = address(route.name, everything)
    if route.name in PUBLIC:
        assert everything.browser("nobody").get(url).status_code == 200
        return
    answers: dict[str, int] = {}
    for who in (*ROLES, "outsider", "nobody"):
        answer = getattr(everything.browser(who), route.method.lower())(url)
        answers[who] = answer.status_code
        if who == "nobody":
            assert answer["Location"].startswith("/accounts/login/")
    expected = {role: route.answer if role in route.roles else 403 for role in ROLES}
    assert answers == expected | {"outsider": 404, "nobody": 302}
