"""The cast: an owner, Alice (partner), Bob (preparer), billing, sync admin, auditor, and Charlie, an outsider."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client as Browser

from practice.firm.models import Client, Membership, Practice, User
from tests.firm import factories

Role = Membership.Role
SignIn = Callable[[User], Browser]


@pytest.fixture
def firm(db: None) -> Practice:
    return factories.make_practice(slug="harbour")


@pytest.fixture
def owner(firm: Practice) -> User:
    return factories.make_member(firm, Role.OWNER, name="Olive Harbour")


@pytest.fixture
def alice(firm: Practice) -> User:
    return factories.make_member(firm, Role.PARTNER, name="Alice Vale")


@pytest.fixture
def bob(firm: Practice) -> User:
    return factories.make_member(firm, Role.PREPARER, name="Bob Reed")


@pytest.fixture
def biller(firm: Practice) -> User:
    return factories.make_member(firm, Role.BILLING, name="Bea Quill")


@pytest.fixture
def sync_admin(firm: Practice) -> User:
    return factories.make_member(firm, Role.SYNC_ADMIN, name="Sam Lock")


@pytest.fixture
def auditor(firm: Practice) -> User:
    return factories.make_member(firm, Role.AUDITOR, name="Ada Finch")


@pytest.fixture
def charlie(db: None) -> User:
    """A partner of another practice: sees nothing of ours."""
    return factories.make_member(
        factories.make_practice(name="Larkin CPA", country="US"), Role.PARTNER, name="Charlie Larkin"
    )


@pytest.fixture
def larkspur(firm: Practice) -> Client:
    return factories.make_client(firm, name="Larkspur Bakery")


@pytest.fixture
def sign_in() -> SignIn:
    """A browser in which somebody is signed in."""

    def browse(user: User) -> Browser:
        browser = Browser()
        browser.force_login(user)
        return browser

    return browse
