"""The audit trail of a firm with one of everything is told in the words of people."""

from __future__ import annotations

import re

import pytest

from practice.firm import audit_trail
from tests.ledger_sync.conftest import connection, firm, xero  # noqa: F401
from tests.site.conftest import Everything

pytestmark = pytest.mark.django_db(transaction=True)
MACHINES = re.compile(r"[{}]|\bsnag\b|\bengagement\b|[a-z]_[a-z]|\bdigest\b|\+00:00|\d\d:\d\d:\d\d")


def test_no_row_shows_codes_dictionaries_or_columns_of_machines(everything: Everything) -> None:
    practice, seen = everything.firm.practice, 0
    for kind, noun in audit_trail.kinds().items():
        for row in audit_trail.latest(practice.pk, zone="Australia/Sydney", kind=kind).rows:
            assert row.what
            assert row.who not in ("push", "pull", "minute sweep")
            assert not MACHINES.search(f"{noun} {row.what}"), f"{kind}: {row.what}"
            for told in audit_trail.story(practice.pk, zone="Australia/Sydney", kind=kind, pk=row.pk):
                for change in told.changes:
                    words = f"{change.field}: {change.old} to {change.new}"
                    assert not MACHINES.search(words), f"{kind} {row.what}: {words}"
                    assert change.old != change.new
                    seen += 1
    assert seen > 100
