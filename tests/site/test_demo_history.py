"""The demo's history can be lived to its open ends: an invoice edited in the ledger, proposals that are out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger_sync.models import Snag
from practice.core import clock
from practice.site.demo import founding, history
from practice.site.demo.cast import FIRMS, FirmCast
from practice.site.demo.world import world
from proposals.models import Proposal


@pytest.mark.slow
@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cast", FIRMS[:1], ids=lambda cast: cast.slug)
def test_a_short_history_ends_with_something_to_decide(cast: FirmCast, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(history, "MONTHS", 1)
    told: list[str] = []
    with world(tmp_path / "sandboxes") as here:
        lived = history.make(cast, founding.found_people(), here, clock.today("Australia/Sydney"), told.append)
    assert len(told) == 2
    assert Snag.objects.filter(connection=lived.connection, code="document_changed", closed_at=None).count() == 1
    assert Proposal.objects.filter(practice=lived.entity.practice, status__in=("sent", "viewed")).count() == 2
