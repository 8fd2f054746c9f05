"""One page, or the part of it that htmx asked for."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """A request that htmx may have made."""

    htmx: HtmxDetails


def page(request: HttpRequest, template: str, part: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Render the part htmx asked for, or the whole page around it (also when the browser goes back)."""
    htmx = cast(HtmxRequest, request).htmx
    wants_part = bool(htmx) and not htmx.boosted and not htmx.history_restore_request
    response = render(request, f"{template}#{part}" if wants_part else template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Boosted", "HX-History-Restore-Request"])
    return response


def go(request: HttpRequest, to: str, **kwargs: Any) -> HttpResponse:
    """Go on to another page (a route name or an address) after a form; htmx is told to load it whole."""
    answer = redirect(to, **kwargs)
    return HttpResponseClientRedirect(answer.url) if cast(HtmxRequest, request).htmx else answer


def way_back(request: HttpRequest, **made: int) -> str:
    """Where a form leads when it is done (``?next=``), told what was made; "" unless that is on this site."""
    wanted = request.GET.get("next", "")
    if not wanted.startswith("/") or not url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return ""
    path, at, field = wanted.partition("#")
    query = urlencode(made)
    return f"{path}{'&' if '?' in path else '?'}{query}{at}{field}" if query else wanted
