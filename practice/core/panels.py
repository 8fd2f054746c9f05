"""Slots that a lower page lends to higher packages: they show, and never write."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

log = logging.getLogger(__name__)
#: ``(request, subject) -> (template, context)``, or None to leave the slot empty.
Panel = Callable[[HttpRequest, Any], tuple[str, dict[str, Any]] | None]
_panels: dict[str, list[tuple[int, Panel]]] = defaultdict(list)


def panel(slot: str, order: int = 50) -> Callable[[Panel], Panel]:
    """Register a panel for a slot named ``package.page.place``; lower ``order`` comes first."""

    def register(function: Panel) -> Panel:
        _panels[slot].append((order, function))
        _panels[slot].sort(key=lambda pair: pair[0])
        return function

    return register


def render(slot: str, request: HttpRequest, subject: Any) -> SafeString:
    """Every panel of a slot, one below the other. A panel that fails says so in its place; the others still show."""
    parts = [_render_one(function, request, subject) for _, function in _panels[slot]]
    return mark_safe("".join(parts))  # noqa: S308 (each part was rendered and escaped by a template)


def _render_one(function: Panel, request: HttpRequest, subject: Any) -> str:
    try:
        answer = function(request, subject)
        return render_to_string(answer[0], answer[1], request=request) if answer else ""
    except Exception:
        log.exception("panel %s.%s failed", function.__module__, function.__qualname__)
        return render_to_string("core/panel_failed.html", request=request)


def contexts(slot: str, request: HttpRequest, subject: Any) -> tuple[list[dict[str, Any]], int]:
    """What the panels of a slot would show, for a page that merges them, and how many panels failed."""
    found, failed = [], 0
    for _, function in _panels[slot]:
        try:
            answer = function(request, subject)
        except Exception:
            log.exception("panel %s.%s failed", function.__module__, function.__qualname__)
            failed += 1
        else:
            found += [answer[1]] if answer else []
    return found, failed
