"""Signing in: by password, by an emailed code; nobody signs up alone, and second-factor secrets rest encrypted."""

import re

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail as outbox
from django.test import Client as Browser

from tests.firm import factories


def test_by_password(firm, bob):
    browser = Browser()
    answer = browser.post("/accounts/login/", {"login": bob.email, "password": factories.PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/{firm.slug}/"
    assert answer.status_code == 200


def test_a_wrong_password_says_so_beside_the_form(bob):
    page = Browser().post("/accounts/login/", {"login": bob.email, "password": "wrong"}).content.decode()
    assert "One thing to put right" in page
    assert "This email and password do not belong together. Try again, or have a code mailed." in page
    empty = Browser().post("/accounts/login/", {"login": "", "password": ""}).content.decode()
    assert "Enter the email your practice knows you by" in empty
    assert "This field is required" not in empty


def test_by_emailed_code(firm, bob):
    browser = Browser()
    browser.post("/accounts/login/code/", {"email": bob.email.upper()})
    code = re.search(r"^\s*([A-Z0-9-]{6,})\s*$", outbox.outbox[0].body, re.MULTILINE)
    assert code
    answer = browser.post("/accounts/login/code/confirm/", {"code": code[1]}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/{firm.slug}/"


@pytest.mark.django_db
def test_an_unknown_address_gets_no_mail_and_the_same_page():
    answer = Browser().post("/accounts/login/code/", {"email": "nobody@nowhere.example"}, follow=True)
    assert answer.status_code == 200
    assert outbox.outbox == []


@pytest.mark.django_db
def test_nobody_signs_up_alone():
    page = Browser().get("/accounts/login/").content.decode()
    assert "sign up" not in page.lower()
    assert "<form" not in Browser().get("/accounts/signup/").content.decode().split("<main")[1]


def test_second_factor_secrets_rest_encrypted(bob):
    totp = TOTP.activate(bob, "JBSWY3DPEHPK3PXP")
    assert "JBSWY3DPEHPK3PXP" not in str(totp.instance.data)
    assert str(totp.instance.data["secret"]).startswith("dev:")


def test_signing_out_everywhere_else(firm, bob):
    here, there = Browser(), Browser()
    for browser in (here, there):
        browser.post("/accounts/login/", {"login": bob.email, "password": factories.PASSWORD})
    page = here.get("/accounts/sessions/").content.decode()
    assert page.count('class="hit"') == 2
    assert page.count("This browser") == 1
    here.post("/accounts/sessions/")
    assert here.get("/me/").status_code == 200
    assert there.get("/me/").status_code == 302


def test_the_demo_warns_nobody_of_a_missing_second_factor(firm):
    owner = factories.make_member(firm, "owner", second_factor=False)
    browser = Browser()
    browser.force_login(owner)
    session = browser.session
    session["demo_person"] = "olivia"
    session.save()
    page = browser.get("/me/").content.decode()
    assert "counts as a second factor here" in page
    assert "Your role needs a second factor" not in page
