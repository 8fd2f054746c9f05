"""Somebody of two practices goes from one to the other, with the keyboard at a desk and with a thumb on a phone."""

from __future__ import annotations

from typing import Any

import pytest

from practice.site.demo.cast import HARBOUR, LARKIN
from tests.browser.test_engagement import sign_in
from tests.world import World, found

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def both(world: World) -> World:
    found(world, HARBOUR)
    found(world, LARKIN)
    return world


def test_by_keyboard_at_a_desk(both: World, desk: Any) -> None:
    page = desk.page
    sign_in(page, both.address, both.people["sana"])
    page.goto(f"{both.address}/harbour-vale/")
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").strip() == "Another practice"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/larkin-cpa/")
    assert page.get_by_role("link", name="Harbour & Vale").count() == 0, "the way back is folded away"


def test_with_a_thumb_on_a_phone_where_the_way_out_is_too(both: World, phone: Any) -> None:
    page = phone.page
    sign_in(page, both.address, both.people["sana"])
    page.goto(f"{both.address}/harbour-vale/settings/roles/")
    assert phone.fits()
    assert page.locator("td", has_text="Sync admin").first.is_visible()
    page.get_by_label("Menu", exact=True).tap()
    page.locator("#menu").get_by_text("Another practice").tap()
    page.locator("#menu").get_by_role("link", name="Larkin CPA").tap()
    page.wait_for_url("**/larkin-cpa/")
    page.get_by_label("Menu", exact=True).tap()
    page.locator("#menu").get_by_role("button", name="Sign out").tap()
    page.wait_for_url("**/accounts/login/**")


def test_somebody_of_one_practice_is_offered_no_other(both: World, desk: Any) -> None:
    page = desk.page
    sign_in(page, both.address, both.people["james"])
    page.goto(f"{both.address}/harbour-vale/")
    assert page.get_by_text("Another practice").count() == 0
