"""Clients: the list, one client, and the forms around it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from practice.core import pages
from practice.core.paging import paginate
from practice.firm import access, clients
from practice.firm.access import MemberRequest
from practice.firm.clients import ClientRefused
from practice.firm.forms import AddressForm, ClientForm, GroupForm, PersonForm
from practice.firm.models import Address, Client, Group, Person


@require_GET
@access.needs("clients.read")
def client_list(request: MemberRequest) -> HttpResponse:
    """The clients by name; ``?q=`` finds by name or email, ``?state=archived`` shows those put away."""
    words, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    rows = Client.objects.filter(practice=request.member.practice, archived_at__isnull=state != "archived")
    if words:
        rows = rows.filter(Q(name__icontains=words) | Q(billing_email__icontains=words))
    paged = paginate(rows.select_related("group", "partner").order_by("name", "pk"), request.GET.get("page"))
    context = {"section": "clients", "paged": paged, "q": words, "state": state}
    return pages.page(request, "firm/clients.html", "results", context)


@require_GET
@access.needs("clients.read")
def client_page(request: MemberRequest, pk: int) -> HttpResponse:
    """One client: facts, people, addresses, and what other packages know of it."""
    rows = Client.objects.select_related("group", "partner")
    client = access.find(rows, request.member.practice, pk=pk)
    context = {
        "section": "clients",
        "client": client,
        "people": client.people.order_by("name"),
        "addresses": client.addresses.order_by("kind"),
        "related": client.group.clients.exclude(pk=pk).order_by("name")[:20] if client.group else [],
    }
    return pages.page(request, "firm/client.html", "main", context)


@require_http_methods(["GET", "POST"])
@access.needs("clients.edit")
def client_new(request: MemberRequest) -> HttpResponse:
    """Add a client."""
    practice = request.member.practice
    form = ClientForm(request.POST or None, practice=practice)
    if request.method == "POST" and form.is_valid():
        try:
            client = clients.create_client(practice=practice, **form.facts())
        except ClientRefused as refused:
            form.refuse(refused)
        else:
            return _on(request, client, client=client.pk)
    return _form(request, form, {"title": "New client", "verb": "Add the client", "busy": "Adding…"})


@require_http_methods(["GET", "POST"])
@access.needs("clients.edit")
def client_edit(request: MemberRequest, pk: int) -> HttpResponse:
    """Change what is known of a client."""
    practice = request.member.practice
    client = access.find(Client.objects.all(), practice, pk=pk)
    form = ClientForm(request.POST or None, instance=client, practice=practice)
    if request.method == "POST" and form.is_valid():
        try:
            clients.update_client(client_id=pk, **form.facts())
        except ClientRefused as refused:
            form.refuse(refused)
        else:
            return _on(request, client)
    return _form(request, form, {"title": "Change the client", "client": client})


@require_POST
@access.needs("clients.edit")
def client_archive(request: MemberRequest, pk: int) -> HttpResponse:
    """Put a client away, or with ``undo`` take it out again."""
    practice = request.member.practice
    client = access.find(Client.objects.all(), practice, pk=pk)
    act = clients.restore_client if "undo" in request.POST else clients.archive_client
    try:
        act(client_id=pk)
    except ClientRefused as refused:
        messages.error(request, f"{client.name} stays as it was. {refused.words}")
    return pages.go(request, "client", practice=practice.slug, pk=pk)


@require_http_methods(["GET", "POST"])
@access.needs("clients.edit")
def person_form(request: MemberRequest, pk: int, person_id: int | None = None) -> HttpResponse:
    """Add somebody at a client, or change them."""
    practice = request.member.practice
    client = access.find(Client.objects.all(), practice, pk=pk)
    person = _person(client, person_id)
    form = PersonForm(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid():
        try:
            clients.set_person(client_id=pk, person_id=person_id, **form.facts())
        except ClientRefused as refused:
            form.refuse(refused)
        else:
            return _on(request, client)
    title = f"Change {person.name}" if person else "Somebody new"
    return _form(request, form, {"title": title, "client": client, "person": person})


@require_POST
@access.needs("clients.edit")
def person_remove(request: MemberRequest, pk: int, person_id: int) -> HttpResponse:
    """Take somebody off a client."""
    practice = request.member.practice
    client = access.find(Client.objects.all(), practice, pk=pk)
    person = _person(client, person_id)
    try:
        clients.remove_person(client_id=pk, person_id=person_id)
    except ClientRefused as refused:
        messages.error(request, refused.words)
    else:
        messages.success(request, f"{person} is no longer listed at {client.name}")
    return pages.go(request, "client", practice=practice.slug, pk=pk)


@require_http_methods(["GET", "POST"])
@access.needs("clients.edit")
def address_form(request: MemberRequest, pk: int, kind: str) -> HttpResponse:
    """Set one of a client's addresses."""
    practice = request.member.practice
    client = access.find(Client.objects.all(), practice, pk=pk)
    kind = Address.Kind.POSTAL if kind == Address.Kind.POSTAL else Address.Kind.BILLING
    address = client.addresses.filter(kind=kind).first()
    form = AddressForm(request.POST or None, instance=address, initial={"country": client.country})
    if request.method == "POST" and form.is_valid():
        try:
            clients.set_address(client_id=pk, kind=kind, **form.facts())
        except ClientRefused as refused:
            form.refuse(refused)
        else:
            return pages.go(request, "client", practice=practice.slug, pk=pk)
    return _form(request, form, {"title": f"{Address.Kind(kind).label} address", "client": client})


@require_GET
@access.needs("clients.read")
def group_list(request: MemberRequest) -> HttpResponse:
    """The groups of clients that are one relationship."""
    rows = Group.objects.filter(practice=request.member.practice).annotate(size=Count("clients")).order_by("name")
    context = {"section": "clients", "paged": paginate(rows, request.GET.get("page"))}
    return pages.page(request, "firm/groups.html", "results", context)


@require_http_methods(["GET", "POST"])
@access.needs("clients.edit")
def group_form(request: MemberRequest, pk: int | None = None) -> HttpResponse:
    """Start a group, or rename it."""
    practice = request.member.practice
    group = access.find(Group.objects.all(), practice, pk=pk) if pk else None
    form = GroupForm(request.POST or None, instance=group)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            clients.rename_group(group_id=pk, name=name) if pk else clients.create_group(practice=practice, name=name)
        except ClientRefused as refused:
            form.refuse(refused)
        else:
            return pages.go(request, "groups", practice=practice.slug)
    return _form(request, form, {"title": "Rename the group" if pk else "New group", "for_group": True})


def _person(client: Client, person_id: int | None) -> Person | None:
    return access.one(client.people.all(), pk=person_id) if person_id else None


def _on(request: MemberRequest, at: Client, **made: int) -> HttpResponse:
    """Go back to the page that sent somebody here, or to the client."""
    if back := pages.way_back(request, **made):
        return pages.go(request, back)
    return pages.go(request, "client", practice=at.practice.slug, pk=at.pk)


def _form(request: MemberRequest, form: Any, context: dict[str, Any]) -> HttpResponse:
    status = 422 if form.errors else 200
    context = {
        "section": "clients",
        "form": form,
        "verb": "Save",
        "busy": "Saving…",
        "leave": pages.way_back(request),
        **context,
    }
    return pages.page(request, "firm/client_form.html", "form", context, status=status)
