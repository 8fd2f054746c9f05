"""Where ledgers call us: notices are verified, stored and answered."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ledger_sync.models.connections import Provider
from ledger_sync.pull import inbound


@csrf_exempt
@login_not_required
@require_POST
def xero(request: HttpRequest) -> HttpResponse:
    """A notice from Xero: 200 with an empty body and no cookie, 401 on a wrong signature (Xero docs, Webhooks)."""
    return _receive(request, Provider.XERO, "x-xero-signature")


@csrf_exempt
@login_not_required
@require_POST
def quickbooks(request: HttpRequest) -> HttpResponse:
    """A notice from QuickBooks, as CloudEvents or in the older shape; answered well inside Intuit's three seconds."""
    return _receive(request, Provider.QUICKBOOKS, "intuit-signature")


def _receive(request: HttpRequest, provider: str, header: str) -> HttpResponse:
    body = request.body
    if not inbound.signature_fits(provider, body, request.headers.get(header, "")):
        return HttpResponse(status=401)
    try:
        inbound.receive(provider, body)
    except OperationalError:
        return HttpResponse(status=503)
    return HttpResponse(status=200)
