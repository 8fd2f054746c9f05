"""The doors: outsiders find nothing, the wrong role is told who could, nobody gets in without the second factor."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client as Browser

from practice.firm.models import Membership
from tests.firm import factories

READ = [
    "", "bar/", "search/", "clients/", "clients/groups/", "services/", "settings/", "settings/people/",
    "settings/roles/", "settings/tax/", "settings/mail/",
]  # fmt: skip


@pytest.mark.parametrize("path", [*READ, "clients/new/", "audit/", "audit/verify/"])
def test_an_outsider_finds_nothing(firm, charlie, sign_in, path):
    assert sign_in(charlie).get(f"/{firm.slug}/{path}").status_code == 404


def test_an_outsider_finds_no_client_by_its_id(larkspur, charlie, sign_in):
    own = charlie.memberships.get().practice
    assert sign_in(charlie).get(f"/{own.slug}/clients/{larkspur.pk}/").status_code == 404
    assert sign_in(charlie).post(f"/{own.slug}/clients/{larkspur.pk}/archive/").status_code == 404
    larkspur.refresh_from_db()
    assert larkspur.archived_at is None


@pytest.mark.parametrize("path", READ)
def test_every_role_reads(firm, auditor, sync_admin, sign_in, path):
    assert sign_in(auditor).get(f"/{firm.slug}/{path}").status_code == 200
    assert sign_in(sync_admin).get(f"/{firm.slug}/{path}").status_code == 200


def test_a_visitor_is_sent_to_sign_in(firm):
    answer = Browser().get(f"/{firm.slug}/clients/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("clients/new/", "Owners, partners, preparers and billing staff can"),
        ("audit/", "Owners and auditors can"),
        ("services/new/", "Owners and partners can"),
    ],
)
def test_the_wrong_role_is_told_who_could(firm, sync_admin, sign_in, path, who):
    answer = sign_in(sync_admin).get(f"/{firm.slug}/{path}")
    assert answer.status_code == 403
    assert who in answer.content.decode()


def test_an_auditor_changes_nothing(firm, larkspur, auditor, sign_in):
    browser = sign_in(auditor)
    base = f"/{firm.slug}"
    before = list(larkspur.history.values())
    for path in (f"clients/{larkspur.pk}/edit/", f"clients/{larkspur.pk}/archive/", "clients/new/", "services/new/",
                 f"clients/{larkspur.pk}/people/new/", "settings/", "settings/people/", "settings/tax/"):  # fmt: skip
        assert browser.post(f"{base}/{path}", {"name": "Taken over"}).status_code == 403, path
    larkspur.refresh_from_db()
    assert larkspur.name == "Larkspur Bakery"
    assert list(larkspur.history.values()) == before


def test_an_auditor_reads_facts_and_no_forms(firm, larkspur, auditor, sign_in):
    browser = sign_in(auditor)
    for path in (f"clients/{larkspur.pk}/", "settings/", "settings/tax/", "settings/people/", "services/"):
        page = browser.get(f"/{firm.slug}/{path}").content.decode()
        assert "You can read everything and change nothing." in page
        assert '<form class="form"' not in page
        posts = re.findall(r'<form[^>]*method="post" action="([^"]*)"', page)
        assert set(posts) == {"/accounts/logout/"}
        assert page.count('method="post"') == len(posts)


@pytest.mark.parametrize("role", [Membership.Role.OWNER, Membership.Role.SYNC_ADMIN])
def test_owner_and_sync_admin_need_a_second_factor(firm, sign_in, role):
    user = factories.make_member(firm, role, second_factor=False)
    browser = sign_in(user)
    for path in (f"/{firm.slug}/", f"/{firm.slug}/clients/", "/me/", "/"):
        assert browser.get(path).headers["Location"] == "/accounts/2fa/", path
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "encrypted"})
    assert browser.get(f"/{firm.slug}/").status_code == 200


def test_recovery_codes_alone_are_no_second_factor(firm, sign_in):
    user = factories.make_member(firm, Membership.Role.OWNER, second_factor=False)
    Authenticator.objects.create(user=user, type=Authenticator.Type.RECOVERY_CODES, data={"seed": "x", "used_mask": 0})
    assert sign_in(user).get(f"/{firm.slug}/").headers["Location"] == "/accounts/2fa/"


def test_other_roles_need_none(firm, bob, sign_in):
    assert sign_in(bob).get(f"/{firm.slug}/").status_code == 200


def test_the_role_elsewhere_counts(firm, bob, sign_in):
    from practice.firm import people

    people.grant_role(practice=factories.make_practice(name="Second"), user=bob, role=Membership.Role.SYNC_ADMIN)
    assert sign_in(bob).get(f"/{firm.slug}/").headers["Location"] == "/accounts/2fa/"


def test_somebody_in_two_practices_chooses(firm, bob, sign_in):
    from practice.firm import people

    other = factories.make_practice(name="Second Firm", slug="second-firm")
    people.grant_role(practice=other, user=bob, role=Membership.Role.PREPARER)
    browser = sign_in(bob)
    page = browser.get("/").content.decode()
    assert "Harbour &amp; Vale" in page
    assert "Second Firm" in page
    browser.get("/second-firm/")
    assert browser.get("/").headers["Location"] == "/second-firm/"
