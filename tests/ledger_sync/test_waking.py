"""Nothing waits for what has happened: a record made while what it needs is being settled is let go all the same."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from ledger_sync import linking
from ledger_sync.models import Connection, Link
from ledger_sync.models.links import Kind
from practice.core import clock
from practice.core.owed import Urgency

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        database.vendor == "sqlite", reason="SQLite lets one writer in; make test runs it on PostgreSQL"
    ),
]


@pytest.fixture
def needed(firm: Any, connection: Connection) -> Link:
    """A client's link that the ledger does not have yet."""
    return linking.link_for(connection, Kind.CLIENT, firm.client())


@pytest.fixture
def dependant(firm: Any, connection: Connection) -> Link:
    """A link of another client stands in for a document: what it is makes no difference here."""
    return linking.link_for(connection, Kind.CLIENT, firm.client("Tamarind Catering"))


def settle(needed: Link) -> None:
    Link.objects.filter(pk=needed.pk).update(remote_id="there", base_ours={}, base_theirs={}, verified_at=clock.now())


def owe(dependant: Link, needed: Link) -> None:
    linking.owe(dependant, urgency=Urgency.NORMAL, needs=((needed, "exists"),))


class Other(threading.Thread):
    """Somebody else's transaction, which may have to wait for ours."""

    def __init__(self, work: Any) -> None:
        super().__init__()
        self.work = work

    def run(self) -> None:
        """Work in one transaction, on a connection of its own."""
        with transaction.atomic():
            self.work()
        database.close()


def is_let_go(link: Link) -> bool:
    return Link.objects.get(pk=link.pk).ready_at is not None


def test_what_is_owed_while_its_need_is_being_settled_is_let_go(needed: Link, dependant: Link) -> None:
    with transaction.atomic():
        settle(needed)
        linking.release_dependants([needed.pk])
        other = Other(lambda: owe(dependant, needed))
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join(10)
    assert is_let_go(dependant)


def test_what_is_settled_while_something_comes_to_need_it_lets_that_go(needed: Link, dependant: Link) -> None:
    def settle_and_release() -> None:
        settle(needed)
        linking.release_dependants([needed.pk])

    with transaction.atomic():
        owe(dependant, needed)
        other = Other(settle_and_release)
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join(10)
    assert is_let_go(dependant)


def test_two_that_make_the_same_link_at_once_share_it(firm: Any, connection: Connection) -> None:
    client = firm.client()
    with transaction.atomic():
        ours = linking.link_for(connection, Kind.CLIENT, client)
        theirs: list[Link] = []
        other = Other(lambda: theirs.append(linking.link_for(connection, Kind.CLIENT, client)))
        other.start()
        other.join(0.5)
    other.join(10)
    assert theirs == [ours]
