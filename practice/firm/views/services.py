"""The service catalogue."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from practice.core import pages
from practice.core.paging import paginate
from practice.firm import access, services
from practice.firm.access import MemberRequest
from practice.firm.forms import ServiceForm
from practice.firm.models import Service
from practice.firm.services import ServiceRefused


@require_GET
@access.needs("practice.read")
def service_list(request: MemberRequest) -> HttpResponse:
    """What the practice sells; ``?state=archived`` shows what it stopped selling."""
    state = request.GET.get("state", "")
    rows = Service.objects.filter(practice=request.member.practice, archived_at__isnull=state != "archived")
    paged = paginate(rows.order_by("name", "pk"), request.GET.get("page"))
    context = {"section": "settings", "tab": "services", "paged": paged, "state": state}
    return pages.page(request, "firm/services.html", "results", context)


@require_http_methods(["GET", "POST"])
@access.needs("services.edit")
def service_form(request: MemberRequest, pk: int | None = None) -> HttpResponse:
    """Add a service, or change it."""
    practice = request.member.practice
    service = access.find(Service.objects.all(), practice, pk=pk) if pk else None
    form = ServiceForm(request.POST or None, instance=service, practice=practice)
    if request.method == "POST" and form.is_valid():
        try:
            if pk:
                services.update_service(service_id=pk, **form.facts())
            else:
                services.create_service(practice=practice, **form.facts())
        except ServiceRefused as refused:
            form.refuse(refused)
        else:
            return pages.go(request, "services", practice=practice.slug)
    context = {"section": "settings", "tab": "services", "form": form, "service": service}
    return pages.page(request, "firm/service_form.html", "form", context, status=422 if form.errors else 200)


@require_POST
@access.needs("services.edit")
def service_archive(request: MemberRequest, pk: int) -> HttpResponse:
    """Stop offering a service, or with ``undo`` offer it again; the row stays until the next navigation."""
    service = access.find(Service.objects.all(), request.member.practice, pk=pk)
    act = services.restore_service if "undo" in request.POST else services.archive_service
    service = act(service_id=service.pk)
    context = {"section": "settings", "tab": "services", "service": service, "touched": True}
    if request.headers.get("HX-Request"):
        return pages.page(request, "firm/services.html", "row", context)
    return pages.go(request, "services", practice=request.member.practice.slug)
