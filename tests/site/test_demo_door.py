"""The demo's open door: one press signs in past the second factor, and only where settings and database say demo."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import include, path, reverse

from practice.core import clock
from practice.firm.models import Membership, Practice, User
from practice.site import urls
from practice.site.models import DemoMark

pytestmark = pytest.mark.django_db
urlpatterns = [path("demo/", include("practice.site.demo_urls")), *urls.urlpatterns]
PRESS = "/demo/as/olivia/"


@pytest.fixture
def olivia(settings: Any) -> User:
    """The demo's owner of a firm, who has no second factor."""
    settings.ROOT_URLCONF = __name__
    practice = Practice.objects.create(slug="harbour-vale", name="Harbour & Vale", initials="HV")
    user = User.objects.create_user("olivia@harbourvale.example", name="Olivia Harbour")
    Membership.objects.create(practice=practice, user=user, role="owner")
    return user


def open_door(settings: Any) -> None:
    settings.DEMO = True
    DemoMark.objects.create(made_at=clock.now())


def test_one_press_signs_in_and_counts_as_the_second_factor(olivia: User, settings: Any) -> None:
    open_door(settings)
    browser = Browser()
    assert browser.post(PRESS).status_code == 302
    assert browser.get("/harbour-vale/clients/").status_code == 200


def test_without_it_an_owner_must_set_up_a_second_factor_first(olivia: User, settings: Any) -> None:
    open_door(settings)
    browser = Browser()
    browser.force_login(olivia)
    answer = browser.get("/harbour-vale/clients/")
    assert (answer.status_code, answer["Location"]) == (302, reverse("mfa_index"))


@pytest.mark.parametrize("lacking", ["the mark in the database", "the setting"])
def test_the_door_is_shut_without_either_word(olivia: User, settings: Any, lacking: str) -> None:
    open_door(settings)
    if lacking == "the setting":
        settings.DEMO = False
    else:
        DemoMark.objects.all().delete()
    browser = Browser()
    assert browser.post(PRESS).status_code == 404
    assert browser.get("/demo/").status_code == 404
    assert browser.get("/harbour-vale/clients/")["Location"].startswith("/accounts/login/")


def test_looking_at_the_press_signs_nobody_in(olivia: User, settings: Any) -> None:
    open_door(settings)
    assert Browser().get(PRESS).status_code == 405


def test_a_site_that_is_no_demo_has_no_such_address(settings: Any) -> None:
    assert Browser().post(PRESS).status_code == 404
