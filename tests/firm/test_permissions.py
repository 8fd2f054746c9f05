"""Who may do what: every permission for every role, exactly."""

import pytest
from django.test import Client as Browser

from practice.firm import permissions
from practice.firm.models import Membership
from practice.firm.permissions import Member
from practice.firm.views.settings import WORDS

R = Membership.Role
ALL = {R.OWNER, R.PARTNER, R.PREPARER, R.BILLING, R.SYNC_ADMIN, R.AUDITOR}
EXPECTED = {
    "practice.read": ALL,
    "proposals.read": ALL,
    "proposals.draft": {R.OWNER, R.PARTNER, R.PREPARER},
    "proposals.send": {R.OWNER, R.PARTNER},
    "clients.read": ALL,
    "clients.edit": {R.OWNER, R.PARTNER, R.PREPARER, R.BILLING},
    "services.edit": {R.OWNER, R.PARTNER},
    "billing.read": ALL,
    "billing.run": {R.OWNER, R.PARTNER, R.BILLING},
    "billing.collect": {R.OWNER, R.PARTNER, R.BILLING},
    "billing.correct": {R.OWNER, R.BILLING},
    "billing.finish_work": {R.OWNER, R.PARTNER, R.PREPARER, R.BILLING},
    "ledger.read": ALL,
    "ledger.resolve": {R.OWNER, R.SYNC_ADMIN},
    "ledger.connect": {R.OWNER, R.SYNC_ADMIN},
    "payments.connect": {R.OWNER},
    "audit.read": {R.OWNER, R.AUDITOR},
    "people.edit": {R.OWNER},
    "settings.edit": {R.OWNER},
}


def test_the_table_holds_exactly_these_permissions():
    assert set(permissions.TABLE) == set(EXPECTED)


@pytest.mark.parametrize("what", sorted(EXPECTED))
@pytest.mark.parametrize("role", sorted(ALL))
def test_each_role_may_exactly_what_the_table_says(what, role):
    member = Member(user=None, practice=None, roles=frozenset({role}))
    assert member.may(what) is (role in EXPECTED[what])


def test_two_roles_add_up():
    member = Member(user=None, practice=None, roles=frozenset({R.AUDITOR, R.BILLING}))
    assert member.may("audit.read")
    assert member.may("billing.correct")
    assert not member.only_reads


def test_an_unknown_permission_is_an_error_and_not_a_no():
    with pytest.raises(KeyError):
        Member(user=None, practice=None, roles=frozenset({R.OWNER})).may("clients.burn")


def test_who_may_in_words():
    assert permissions.who_may("clients.read") == "Everyone"
    assert permissions.who_may("proposals.send") == "Owners and partners"
    assert permissions.who_may("settings.edit") == "Owners"


def test_every_permission_has_words_for_the_roles_page():
    assert set(WORDS) == set(permissions.TABLE)


def test_the_roles_page_shows_the_table(firm, bob, sign_in):
    page = sign_in(bob).get(f"/{firm.slug}/settings/roles/").content.decode()
    assert page.count('<span class="vh">yes</span>') == sum(len(roles) for roles in EXPECTED.values())


def test_the_front_door_leads_to_the_only_practice(firm, bob, sign_in):
    browser: Browser = sign_in(bob)
    assert browser.get("/").headers["Location"] == f"/{firm.slug}/"
