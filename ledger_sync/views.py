"""The ledger pages: connections, the desk with its causes, records, mapping, activity, settings."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger_sync import connections, mapping, queries, remedies, snags
from ledger_sync.connections import ConnectionRefused
from ledger_sync.models import CallItem, Connection, Link, Mapping, RefItem, Snag
from practice.core import wake
from practice.core.pages import page
from practice.core.paging import paginate
from practice.firm import access
from practice.firm.access import MemberRequest
from practice.firm.models import Service


def _connection(request: MemberRequest, connection_id: int) -> Connection:
    rows = Connection.objects.select_related("entity", "tokens")
    return access.find(rows, request.member.practice, pk=connection_id)


def _context(request: MemberRequest, connection: Connection, tab: str) -> dict[str, Any]:
    open_causes = Snag.objects.filter(connection=connection, closed_at__isnull=True).count()
    return {"section": "ledger", "connection": connection, "tab": tab, "open_causes": open_causes}


@require_GET
@access.needs("ledger.read")
def ledgers(request: MemberRequest) -> HttpResponse:
    """Every connection: its state, records agreeing, what waits; and what may be connected."""
    practice = request.member.practice
    rows = (
        Connection.objects.filter(practice=practice).select_related("entity", "tokens").order_by("entity__name", "pk")
    )
    shown = [(c, queries.health_of(c), queries.causes_of(c)) for c in rows]
    taken = {c.entity_id for c in rows if c.state != Connection.State.DISCONNECTED}
    free = [e for e in practice.entities.order_by("name") if e.pk not in taken]
    return page(request, "ledger_sync/ledgers.html", "main", {"section": "ledger", "shown": shown, "free": free})


@require_GET
@access.needs("ledger.read")
def desk(request: MemberRequest, connection_id: int) -> HttpResponse:
    """What needs a person on one connection: one row per cause, most money first."""
    return _desk(request, connection_id)


@require_GET
@access.needs("ledger.read")
def desk_part(request: MemberRequest, connection_id: int) -> HttpResponse:
    """The desk again, for the page that looks at it: freshness every fifteen seconds."""
    return _desk(request, connection_id)


def _desk(request: MemberRequest, connection_id: int) -> HttpResponse:
    connection = _connection(request, connection_id)
    causes = queries.causes_of(connection)
    closed = Snag.objects.filter(connection=connection, closed_at__isnull=False).order_by("-closed_at")[:5]
    context = _context(request, connection, "desk") | {
        "causes": causes,
        "held_up": queries.held_up(causes),
        "health": queries.health_of(connection),
        "may_resolve": request.member.may("ledger.resolve"),
        "closed": [queries.Cause(s, snags.sentence(s), "", (), "") for s in closed.select_related("connection")],
    }
    return page(request, "ledger_sync/desk.html", "main", context)


@require_POST
@access.needs("ledger.resolve")
def sync_now(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Sweep this connection now, chart included."""
    connection = _connection(request, connection_id)
    wake.wake("ledger_sync.tasks.sweep_connection", connection_id=connection.pk)
    wake.wake("ledger_sync.tasks.push", connection_id=connection.pk)
    messages.success(request, f"Reading {connection.get_provider_display()} now. This page shows what is found.")
    return redirect("ledger_desk", practice=request.member.practice.slug, connection_id=connection.pk)


@require_POST
@access.needs("ledger.resolve")
def remedy(request: MemberRequest, connection_id: int, snag_id: int) -> HttpResponse:
    """Do what was chosen about one cause."""
    connection = _connection(request, connection_id)
    slug = request.member.practice.slug
    snag = access.find(Snag.objects.filter(connection=connection), request.member.practice, pk=snag_id)
    chosen = request.POST.get("remedy", "")
    if chosen == "remap":
        return redirect("ledger_mapping", practice=slug, connection_id=connection.pk)
    try:
        remedies.apply_remedy(snag_id=snag.pk, remedy=chosen, reason=request.POST.get("reason", ""))
    except ValueError as refusal:
        messages.error(request, f"Nothing was changed: {refusal}")
    else:
        messages.success(request, f"Done: {snags.sentence(snag)}")
    return redirect("ledger_desk", practice=slug, connection_id=connection.pk)


@require_GET
@access.needs("ledger.read")
def records(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Every record both books know, with its state and when both last agreed."""
    connection = _connection(request, connection_id)
    state, words = request.GET.get("state", ""), request.GET.get("q", "").strip()
    paged = paginate(queries.records_of(connection, state=state, words=words), request.GET.get("page"))
    context = _context(request, connection, "records") | {
        "paged": paged, "rows": [queries.record_of(link) for link in paged.rows], "state": state, "q": words,
    }  # fmt: skip
    return page(request, "ledger_sync/records.html", "results", context)


@require_GET
@access.needs("ledger.read")
def record(request: MemberRequest, connection_id: int, link_id: int) -> HttpResponse:
    """One record's whole story: both sides, every attempt, its causes."""
    connection = _connection(request, connection_id)
    rows = Link.objects.filter(connection=connection).select_related(*queries._SUBJECTS)
    link = rows.filter(pk=link_id).first()
    if link is None:
        raise Http404
    items = CallItem.objects.filter(link=link).select_related("call").order_by("-id")[:50]
    context = _context(request, connection, "records") | {
        "record": queries.record_of(link), "fields": queries.fields_of(link), "items": items,
        "snags": [queries.Cause(s, snags.sentence(s), "", (), "") for s in link.snags.order_by("-id")],
    }  # fmt: skip
    return page(request, "ledger_sync/record.html", "main", context)


@require_POST
@access.needs("ledger.resolve")
def send_again(request: MemberRequest, connection_id: int, link_id: int) -> HttpResponse:
    """Try one record again now."""
    connection = _connection(request, connection_id)
    slug = request.member.practice.slug
    sent = connections.try_again(connection_id=connection.pk, link_ids=[link_id])
    if sent:
        messages.success(request, "It is being sent again.")
    else:
        messages.info(request, "Nothing about this record waits.")
    return redirect("ledger_record", practice=slug, connection_id=connection.pk, link_id=link_id)


@require_http_methods(["GET", "POST"])
@access.needs("ledger.read")
def mapping_page(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Where everything goes in the ledger; what waits is sent as soon as it has a place."""
    connection = _connection(request, connection_id)
    if request.method == "POST":
        access.access_practice(request, request.member.practice.slug, "ledger.connect")
        return _save_mapping(request, connection)
    chosen = {
        (m.purpose, m.treatment, m.service_id): m.target_id for m in Mapping.objects.filter(connection=connection)
    }
    refs = RefItem.objects.filter(connection=connection, kind__in=("account", "tax")).order_by("code", "name")
    by_kind = {kind: [r for r in refs if r.kind == kind] for kind in ("account", "tax")}
    shown = [
        (p, (p.field, p.words, by_kind[p.ref_kind], chosen.get((p.purpose, p.treatment, p.service_id))))
        for p in mapping.places(connection)
    ]
    fixed = [row for place, row in shown if place.service_id is None]
    services = [row for place, row in shown if place.service_id is not None]
    context = _context(request, connection, "mapping") | {"fixed": fixed, "services": services}
    return page(request, "ledger_sync/mapping.html", "main", context)


def _save_mapping(request: MemberRequest, connection: Connection) -> HttpResponse:
    slug = request.member.practice.slug
    changed = sum(_save_place(request, connection, place) for place in mapping.places(connection))
    if changed:
        parked = Link.objects.filter(connection=connection, parked_code__in=("mapping_missing", "account_archived"))
        connections.try_again(connection_id=connection.pk, link_ids=list(parked.values_list("pk", flat=True)))
    if connection.state in (Connection.State.MATCHING, Connection.State.CONNECTING):
        try:
            connections.go_live(connection_id=connection.pk)
        except ConnectionRefused as refusal:
            messages.error(request, str(refusal))
            return redirect("ledger_mapping", practice=slug, connection_id=connection.pk)
        messages.success(request, f"{connection.get_provider_display()} is connected. What waited is on its way.")
        return redirect("ledger_desk", practice=slug, connection_id=connection.pk)
    messages.success(request, "Saved." if changed else "Nothing was changed.")
    return redirect("ledger_mapping", practice=slug, connection_id=connection.pk)


def _save_place(request: MemberRequest, connection: Connection, place: mapping.Wanted) -> bool:
    """Take one choice of the form, if it fits its place. Returns whether it is new."""
    chosen = str(request.POST.get(place.field, ""))
    rows = RefItem.objects.filter(connection=connection, kind=place.ref_kind, active=True)
    ref = rows.filter(pk=int(chosen)).first() if chosen.isdecimal() and len(chosen) < 19 else None
    service = Service.objects.get(pk=place.service_id) if place.service_id else None
    before = Mapping.objects.filter(
        connection=connection, purpose=place.purpose, treatment=place.treatment, service=service
    ).first()
    if ref is None or (before is not None and before.target_id == ref.pk):
        return False
    mapping.choose(
        connection=connection, purpose=place.purpose, target_id=ref.pk, treatment=place.treatment, service=service
    )
    return True


@require_GET
@access.needs("ledger.read")
def activity(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Every call that changed the ledger: when, how many records, how it ended."""
    connection = _connection(request, connection_id)
    paged = paginate(queries.calls_of(connection), request.GET.get("page"))
    context = {"paged": paged, "sent": [queries.sent_of(call) for call in paged.rows]}
    return page(request, "ledger_sync/activity.html", "results", _context(request, connection, "activity") | context)


@require_http_methods(["GET", "POST"])
@access.needs("ledger.read")
def settings_page(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Pause, resume, disconnect."""
    connection = _connection(request, connection_id)
    slug = request.member.practice.slug
    if request.method == "POST":
        access.access_practice(request, slug, "ledger.connect")
        verbs = {
            "pause": lambda: connections.pause(connection_id=connection.pk, reason=request.POST.get("reason", "")),
            "resume": lambda: connections.resume(connection_id=connection.pk),
            "leave": lambda: connections.leave(connection_id=connection.pk),
        }
        verb = verbs.get(request.POST.get("verb", ""))
        try:
            if verb is not None:
                verb()
        except ConnectionRefused as refusal:
            messages.error(request, str(refusal))
        return redirect("ledger_settings", practice=slug, connection_id=connection.pk)
    waiting = Link.objects.filter(connection=connection, owed_since__isnull=False).count()
    context = _context(request, connection, "settings") | {"waiting": waiting}
    return page(request, "ledger_sync/settings.html", "main", context)
