"""The editor under quick hands: nothing typed or pressed is lost, and the focus goes where the next action is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client as Browser

from proposals.models import Proposal
from tests.browser.conftest import Watched
from tests.proposals.conftest import draft  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def editor(chromium: Any, live_server: Any, draft: Proposal) -> Iterator[Watched]:  # noqa: F811
    """The partner's editor of the draft, at a desk."""
    session = Browser()
    session.force_login(draft.partner)
    value = session.cookies[settings.SESSION_COOKIE_NAME].value
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}])
    watched = Watched(context.new_page())
    watched.page.goto(f"{live_server.url}/harbour-vale/proposals/{draft.pk}/edit/")
    yield watched
    context.close()


def until(page: Any, script: str, wanted: Any = True) -> None:
    """Wait for what a script finds; Playwright's own way needs eval, which the content policy forbids."""
    for _ in range(100):
        if page.evaluate(script) == wanted:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{script} is {page.evaluate(script)!r}, not {wanted!r}")


FOCUS = "document.activeElement.id"


def test_services_added_as_fast_as_a_hand_can_press_are_all_there(editor: Watched, draft: Proposal) -> None:  # noqa: F811
    page = editor.page
    for number in range(5):
        page.select_option("#id_service", index=1 + number % 2)
        page.get_by_role("button", name="Add", exact=True).click()
    page.locator("#lines form.line").nth(6).wait_for()
    assert page.locator("#lines form.line").count() == draft.lines.count() == 7
    assert list(draft.lines.order_by("position").values_list("position", flat=True)) == list(range(1, 8))
    assert editor.complaints == []


def test_after_adding_the_quantity_is_asked_and_what_is_typed_on_is_kept(editor: Watched, draft: Proposal) -> None:  # noqa: F811
    page = editor.page
    page.select_option("#id_service", index=1)
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("#lines form.line").nth(2).wait_for()
    line = draft.lines.order_by("position").last()
    until(page, FOCUS, f"quantity-{line.pk}")
    page.keyboard.type("6")
    page.keyboard.press("Tab")
    page.keyboard.type("8.505", delay=30)
    page.keyboard.press("Tab")
    page.get_by_text("Saved").first.wait_for()
    until(page, "document.querySelector('#sums').innerText.includes('471.03')")
    line.refresh_from_db()
    assert (str(line.quantity), str(line.unit_price)) == ("6.0000", "8.5050")
    assert page.input_value(f"#price-{line.pk}") == "8.505"


def test_esc_closes_the_menu_and_a_moved_line_keeps_the_focus(editor: Watched, draft: Proposal) -> None:  # noqa: F811
    page = editor.page
    first, second = draft.lines.order_by("position")
    page.click(f"#menu-{first.pk}")
    assert page.get_by_role("button", name="Move down").first.is_visible()
    page.keyboard.press("Escape")
    assert page.locator("details.menu[open]").count() == 0
    assert page.evaluate(FOCUS) == f"menu-{first.pk}"
    page.keyboard.press("Alt+ArrowDown")
    until(page, "document.querySelector('#lines form.line').id", f"line-{second.pk}")
    until(page, FOCUS, f"menu-{first.pk}")
    page.click(f"#menu-{first.pk}")
    page.locator(f"#line-{first.pk}").get_by_role("button", name="Remove").click()
    page.locator(f"#line-{first.pk}").wait_for(state="detached")
    until(page, FOCUS, f"menu-{second.pk}")
    assert draft.lines.count() == 1
    assert editor.complaints == []


def test_a_wrong_price_is_named_in_its_line_and_stays_as_typed(editor: Watched, draft: Proposal) -> None:  # noqa: F811
    page = editor.page
    line = draft.lines.order_by("position")[0]
    page.fill(f"#price-{line.pk}", "four hundred")
    page.keyboard.press("Tab")
    page.locator(f"#said-{line.pk}", has_text="Enter an amount").wait_for()
    assert page.input_value(f"#price-{line.pk}") == "four hundred"
    page.fill(f"#price-{line.pk}", "$1,450")
    page.keyboard.press("Tab")
    until(page, f"document.querySelector('#said-{line.pk}').innerText", "")
    line.refresh_from_db()
    assert str(line.unit_price) == "1450.0000"


def test_a_finding_leads_into_its_field(editor: Watched, draft: Proposal) -> None:  # noqa: F811
    page = editor.page
    Proposal.objects.update(expected_completion_on=None)
    page.reload()
    page.get_by_role("link", name="Say when the work is expected to be finished").click()
    until(page, FOCUS, "id_expected_completion_on")
