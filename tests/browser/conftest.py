"""Chromium, driven by Playwright, at phone and desk width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.world import sandboxes, world  # noqa: F401


class Watched:
    """A page that remembers every complaint of the browser."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: self.complaints.append(str(e)))

    def fits(self) -> bool:
        """Whether nothing scrolls sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.fixture
def phone(chromium: Any) -> Iterator[Watched]:
    """A phone, 390 pixels wide."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    watched = Watched(context.new_page())
    yield watched
    context.close()


@pytest.fixture
def desk(chromium: Any) -> Iterator[Watched]:
    """A desk, 1440 pixels wide."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    watched = Watched(context.new_page())
    yield watched
    context.close()
