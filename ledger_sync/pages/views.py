"""The ledger pages: connections, the desk with its causes, records, mapping, activity, settings."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ledger_sync import remedies
from ledger_sync.asking import causes, snags
from ledger_sync.connection import connections, mapping
from ledger_sync.connection.connections import ConnectionRefused
from ledger_sync.connection.pulse import pulse_of, pulses_of
from ledger_sync.kinds import SHAPES
from ledger_sync.limits import lanes
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.pages import activity as calls
from ledger_sync.pages import freshness_words, panels, queries, stories
from ledger_sync.proof import agreeing
from ledger_sync.rendering import documents
from practice.core import wake
from practice.core.fields import whole_number
from practice.core.pages import page
from practice.core.paging import paginate
from practice.core.templatetags.words import counted
from practice.firm import access
from practice.firm.access import MemberRequest
from practice.firm.models import Service


def connection_of(request: MemberRequest, connection_id: int) -> Connection:
    """A connection of the member's practice. Raises Http404 for any other."""
    rows = Connection.objects.select_related("entity")
    return access.find(rows, request.member.practice, pk=connection_id)


def context_of(request: MemberRequest, connection: Connection, tab: str) -> dict[str, Any]:
    """What head and tabs of every page about one connection need."""
    open_causes = Snag.objects.filter(connection=connection, closed_at__isnull=True).count()
    return {"section": "ledger", "connection": connection, "tab": tab, "open_causes": open_causes}


@require_GET
@access.needs("ledger.read")
def ledgers(request: MemberRequest) -> HttpResponse:
    """Every connection: its state, records agreeing, what waits; and what may be connected."""
    practice = request.member.practice
    pulses = sorted(pulses_of(practice), key=lambda pair: (pair[0].entity.name, pair[0].pk))
    shown = [
        (c, queries.health_of(c, pulse), causes.causes_of(c), freshness_words.promises_of(c)) for c, pulse in pulses
    ]
    taken = {c.entity_id for c, _ in pulses if c.state != Connection.State.DISCONNECTED}
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
    connection = connection_of(request, connection_id)
    open_causes = causes.causes_of(connection)
    context = {
        "section": "ledger",
        "connection": connection,
        "tab": "desk",
        "open_causes": len(open_causes),
        "causes": open_causes,
        "held_up": causes.held_up(open_causes),
        "health": queries.health_of(connection, pulse_of(connection)),
        "traffic": queries.traffic_of(connection),
        "may_resolve": request.member.may("ledger.resolve"),
        "closed": causes.lately_cleared(connection),
        "promises": freshness_words.promises_of(connection),
    }
    return page(request, "ledger_sync/desk.html", "main", context)


@require_POST
@access.needs("ledger.resolve")
def sync_now(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Sweep this connection now, chart included."""
    connection = connection_of(request, connection_id)
    lanes.try_now(connection.pk)
    wake.wake("ledger_sync.tasks.sweep_connection", connection_id=connection.pk)
    wake.wake("ledger_sync.tasks.push", connection_id=connection.pk)
    messages.success(request, f"Reading {connection.get_provider_display()} now. This page shows what is found.")
    return redirect("ledger_desk", practice=request.member.practice.slug, connection_id=connection.pk)


@require_POST
@access.needs("ledger.resolve")
def remedy(request: MemberRequest, connection_id: int, snag_id: int) -> HttpResponse:
    """Do what was chosen about one cause."""
    connection = connection_of(request, connection_id)
    slug = request.member.practice.slug
    snag = access.find(Snag.objects.filter(connection=connection), request.member.practice, pk=snag_id)
    chosen = request.POST.get("remedy", "")
    if chosen == "remap":
        return redirect("ledger_mapping", practice=slug, connection_id=connection.pk)
    try:
        after = remedies.apply_remedy(snag_id=snag.pk, remedy=chosen, reason=request.POST.get("reason", ""))
    except remedies.RemedyRefused as refusal:
        messages.error(request, f"Nothing was changed: {refusal}")
    else:
        _say_what_follows(request, connection, after, chosen)
    return redirect("ledger_desk", practice=slug, connection_id=connection.pk)


def _say_what_follows(request: MemberRequest, connection: Connection, snag: Snag, chosen: str) -> None:
    """Say what is true after a remedy was pressed, which is not yet that the ledger took it."""
    name = connection.get_provider_display()
    if snag.closed_at is None:
        closed = remedies.still_closed(snag)
        words = f"Nothing was sent: as {name} was last read, {closed}. It is being read again now; what waits goes out "
        words += f"as soon as that is open in {name}."
        messages.warning(request, _with_way_out(request, connection, snag, words))
    elif connection.may_send:
        messages.success(request, snags.pressed(snag, chosen))
    else:
        waits = f"Nothing goes out while {name} is {connection.get_state_display().lower()}; it is sent after that."
        messages.warning(request, f"{snags.pressed(snag, chosen)}. {waits}")


def _with_way_out(request: MemberRequest, connection: Connection, snag: Snag, words: str) -> str:
    """What else helps than opening it there: another account, chosen on the mapping page."""
    if snag.code == "coded_archived":
        return f"{words} Or let the credit go where the mapping says."
    if snag.code != "account_archived":
        return f"{words} Ask the bookkeeper to unlock that day."
    slug = request.member.practice.slug
    where = reverse("ledger_mapping", kwargs={"practice": slug, "connection_id": connection.pk})
    return format_html('{} Or <a href="{}">choose another account</a>.', words, where)


@require_GET
@access.needs("ledger.read")
def records(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Every record both books know, with its state and when both last agreed."""
    connection = connection_of(request, connection_id)
    state, words = request.GET.get("state", ""), request.GET.get("q", "").strip()
    paged = paginate(queries.records_of(connection, state=state, words=words), request.GET.get("page"))
    stuck = pulse_of(connection).is_stuck or not connection.may_send
    context = context_of(request, connection, "records") | {
        "paged": paged, "rows": [agreeing.record_of(link, stuck=stuck) for link in paged.rows], "state": state,
        "q": words, "states": queries.STATES,
    }  # fmt: skip
    return page(request, "ledger_sync/records.html", "results", context)


@require_GET
@access.needs("ledger.read")
def record(request: MemberRequest, connection_id: int, link_id: int) -> HttpResponse:
    """One record's whole story: both sides, what it waits for, each change, each attempt, each cause."""
    found = {connection.pk: (connection, pulse) for connection, pulse in panels.connections_of(request)}
    rows = agreeing.with_doubt(Link.objects.filter(connection__in=found, connection=connection_id))
    link = rows.select_related(*queries.SUBJECTS).filter(pk=link_id).first()
    if link is None:
        raise Http404
    connection, pulse = found[connection_id]
    link.connection = connection
    stuck = pulse.is_stuck or not connection.may_send
    agreement = agreeing.agreement_of(link, pulse)
    story = stories.story_of(link, agreement, whole_number(request.GET.get("page")) or 1, stuck=stuck)
    context = context_of(request, connection, "records") | {
        "what": documents.describe(link), "agreement": agreement,
        "story": story, "paged": story.paged,
    }  # fmt: skip
    return page(request, "ledger_sync/record.html", "main", context)


@require_POST
@access.needs("ledger.resolve")
def send_again(request: MemberRequest, connection_id: int, link_id: int) -> HttpResponse:
    """Try one record again now."""
    connection = connection_of(request, connection_id)
    slug = request.member.practice.slug
    link = access.one(Link.objects.filter(connection=connection), pk=link_id)
    sent = connections.try_again(connection_id=connection.pk, link_ids=[link.pk])
    if sent:
        messages.success(request, "It is being sent again.")
    else:
        messages.info(request, "Nothing about this record waits.")
    return redirect("ledger_record", practice=slug, connection_id=connection.pk, link_id=link_id)


@require_http_methods(["GET", "POST"])
@access.needs("ledger.read")
def mapping_page(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Where everything goes in the ledger; what waits is sent as soon as it has a place."""
    connection = connection_of(request, connection_id)
    if request.method == "POST":
        access.demand(request.member, "ledger.connect")
        return _save_mapping(request, connection)
    shown = mapping.choices(connection)
    fixed = [choice for choice in shown if choice.place.service_id is None]
    services = [choice for choice in shown if choice.place.service_id is not None]
    context = context_of(request, connection, "mapping") | {"fixed": fixed, "services": services}
    return page(request, "ledger_sync/mapping.html", "main", context)


def _save_mapping(request: MemberRequest, connection: Connection) -> HttpResponse:
    slug = request.member.practice.slug
    changed = sum(_save_choice(request, connection, choice) for choice in mapping.choices(connection))
    sent = 0
    if changed:
        parked = Link.objects.filter(connection=connection, parked_code__in=("mapping_missing", "account_archived"))
        sent = connections.try_again(connection_id=connection.pk, link_ids=list(parked.values_list("pk", flat=True)))
    if connection.state in (Connection.State.MATCHING, Connection.State.CONNECTING):
        try:
            connections.go_live(connection_id=connection.pk)
        except ConnectionRefused as refusal:
            messages.error(request, str(refusal))
            return redirect("ledger_mapping", practice=slug, connection_id=connection.pk)
        messages.success(request, f"{connection.get_provider_display()} is connected. What waited is on its way.")
        return redirect("ledger_desk", practice=slug, connection_id=connection.pk)
    if changed:
        waited = (
            f" {counted(sent, 'record')} that waited for it {'is' if sent == 1 else 'are'} being sent." if sent else ""
        )
        messages.success(request, f"Saved.{waited}")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect("ledger_mapping", practice=slug, connection_id=connection.pk)


def _save_choice(request: MemberRequest, connection: Connection, choice: mapping.Choice) -> bool:
    """Take one choice of the form, if it fits its place. Returns whether it is new."""
    place, wanted = choice.place, str(request.POST.get(choice.place.field, ""))
    ref = next((ref for ref in choice.refs if str(ref.pk) == wanted), None)
    if ref is None or ref == choice.chosen:
        return False
    service = Service.objects.get(pk=place.service_id) if place.service_id else None
    mapping.choose(
        connection=connection, purpose=place.purpose, target_id=ref.pk, treatment=place.treatment, service=service
    )
    return True


@require_GET
@access.needs("ledger.read")
def activity(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Every call that changed the ledger: when, how many records, how it ended."""
    connection = connection_of(request, connection_id)
    paged = paginate(calls.calls_of(connection), request.GET.get("page"))
    name = connection.get_provider_display()
    context = {"paged": paged, "sent": [calls.sent_of(call, name) for call in paged.rows]}
    return page(request, "ledger_sync/activity.html", "results", context_of(request, connection, "activity") | context)


@require_http_methods(["GET", "POST"])
@access.needs("ledger.read")
def settings_page(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Pause, resume, disconnect; what hangs on invoices there."""
    connection = connection_of(request, connection_id)
    slug = request.member.practice.slug
    if request.method == "POST":
        access.demand(request.member, "ledger.connect")
        verbs = {
            "pause": lambda: connections.pause(connection_id=connection.pk, reason=request.POST.get("reason", "")),
            "resume": lambda: connections.resume(connection_id=connection.pk),
            "leave": lambda: connections.leave(connection_id=connection.pk),
            "papers": lambda: connections.choose_papers(
                connection_id=connection.pk,
                attach="attach" in request.POST,
                note_acceptance="note_acceptance" in request.POST,
            ),
        }
        verb = verbs.get(request.POST.get("verb", ""))
        try:
            if verb is not None:
                verb()
        except ConnectionRefused as refusal:
            messages.error(request, str(refusal))
        return redirect("ledger_settings", practice=slug, connection_id=connection.pk)
    waiting = Link.objects.filter(connection=connection, owed_since__isnull=False).count()
    papers = {name: bool(connection.policies.get(name)) for name in (Connection.ATTACH, Connection.NOTE_ACCEPTANCE)}
    takes_notes = SHAPES[connection.provider].takes_notes
    context = context_of(request, connection, "settings") | {
        "waiting": waiting, "papers": papers, "takes_notes": takes_notes,
    }  # fmt: skip
    return page(request, "ledger_sync/settings.html", "main", context)
