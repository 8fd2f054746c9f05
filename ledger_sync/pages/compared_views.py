"""What the last comparison of both books in full showed, and a way to compare now."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from ledger_sync.models import Comparison
from ledger_sync.pages import views
from practice.core import wake
from practice.core.pages import page
from practice.core.paging import paginate
from practice.firm import access
from practice.firm.access import MemberRequest


@require_GET
@access.needs("ledger.read")
def compared(request: MemberRequest, connection_id: int) -> HttpResponse:
    """The last comparison, and every difference it found with its cause."""
    connection = views.connection_of(request, connection_id)
    last = Comparison.objects.filter(connection=connection).order_by("-started_at").first()
    found = last.differences.select_related("link").order_by("-cause", "pk") if last else None
    context = views.context_of(request, connection, "compared") | {
        "last": last, "paged": paginate(found, request.GET.get("page")) if found is not None else None,
    }  # fmt: skip
    return page(request, "ledger_sync/compared.html", "results", context)


@require_POST
@access.needs("ledger.resolve")
def compare_now(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Compare both books now."""
    connection = views.connection_of(request, connection_id)
    wake.wake("ledger_sync.tasks.compare", connection_id=connection.pk)
    name = connection.get_provider_display()
    messages.success(request, f"Reading all of {name} beside our books. This page shows how far it is.")
    return redirect("ledger_compared", practice=request.member.practice.slug, connection_id=connection.pk)
