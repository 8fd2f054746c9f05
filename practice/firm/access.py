"""The doors to a practice's rows: each takes the practice first, checks the role, and hides what is not yours.

An outsider gets 404, so that nobody learns which practices, clients or invoices exist; a member without the role gets
403 with the roles that could help.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from practice.firm import permissions
from practice.firm.models import Practice, User
from practice.firm.permissions import Member

M = TypeVar("M", bound=Model)


class MemberRequest(HttpRequest):
    """A request of somebody who was let in."""

    member: Member


def access_practice(request: HttpRequest, slug: str, what: str) -> Member:
    """Let a member in who may do ``what``. Raises Http404 for outsiders, PermissionDenied for the wrong role."""
    member = None
    practice = Practice.objects.filter(slug=slug).first()
    if practice is not None:
        member = permissions.member_of(cast(User, request.user), practice)
    if member is None:
        raise Http404("no such practice")
    if not member.may(what):
        raise PermissionDenied(permissions.who_may(what))
    return member


def needs(what: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Open a view ``(request, **kwargs)`` at a URL with ``<slug:practice>`` to members who may do ``what``."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def opened(request: HttpRequest, practice: str, **kwargs: Any) -> HttpResponse:
            request.member = access_practice(request, practice, what)  # type: ignore[attr-defined]
            return view(request, **kwargs)

        opened.permission = what  # type: ignore[attr-defined]
        return opened

    return decorate


def demand(member: Member, what: str) -> None:
    """Stop a member who may not do ``what`` inside a page they may see. Raises PermissionDenied."""
    if not member.may(what):
        raise PermissionDenied(permissions.who_may(what))


def one(rows: QuerySet[M], **lookup: Any) -> M:
    """One row of rows that were already narrowed to the practice. Raises Http404."""
    return get_object_or_404(rows, **lookup)


def find(rows: QuerySet[M], practice: Practice, **lookup: Any) -> M:
    """One row of a practice by id. Raises Http404 when it is not there, is no id, or belongs to another practice."""
    try:
        return get_object_or_404(rows, practice=practice, **lookup)
    except ValueError as nonsense:
        raise Http404("no such row") from nonsense
