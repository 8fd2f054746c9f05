"""One page for every step that reaches a client or the books: what will happen, why, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse

from practice.core import pages


@dataclass(frozen=True)
class Step:
    """What is about to be done: its title, the sentences that say what follows, and its two buttons."""

    title: str
    about: str
    sentences: list[str]
    verb: str
    safe_verb: str
    back_url: str
    back_words: str
    busy: str = "Working…"
    extra: dict[str, Any] = field(default_factory=dict)


def confirm(request: HttpRequest, form: Any, step: Step) -> HttpResponse:
    """The page, or only its form after htmx sent one that must be put right (422)."""
    context = {"section": "billing", "form": form, "step": step, **step.extra}
    return pages.page(request, "billing/confirm.html", "form", context, status=422 if form.errors else 200)
