"""Settings of the practice: the firm, its people and roles, tax, and the mail it sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from practice.core import clock, pages
from practice.core.paging import paginate
from practice.firm import access, mail, people, permissions, practices
from practice.firm.access import MemberRequest
from practice.firm.forms import EntityForm, MailForm, MemberForm, PracticeForm, RolesForm, TaxRateForm
from practice.firm.models import Entity, Mail, Membership, TaxRate, User
from practice.firm.people import PeopleRefused
from practice.firm.permissions import Role
from practice.firm.practices import PracticeRefused

#: What each permission lets somebody do, in the words of the table on the roles page.
WORDS = {
    "practice.read": "See the home page and the settings",
    "proposals.read": "See proposals",
    "proposals.draft": "Draft proposals",
    "proposals.send": "Send proposals",
    "clients.read": "See clients",
    "clients.edit": "Add and change clients",
    "services.edit": "Change services and prices",
    "billing.read": "See invoices and payments",
    "billing.run": "Run billing, hold and skip charges",
    "billing.collect": "Take payments and send reminders",
    "billing.correct": "Credit, refund and write off",
    "billing.finish_work": "Mark work as finished",
    "ledger.read": "See the ledger and what waits",
    "ledger.resolve": "Decide what a ledger refused",
    "ledger.connect": "Connect and disconnect a ledger",
    "payments.connect": "Connect Stripe",
    "audit.read": "Read the audit trail and evidence",
    "people.edit": "Add people and give roles",
    "settings.edit": "Change the firm, tax and payments",
}


@require_http_methods(["GET", "POST"])
@access.needs("practice.read")
def firm(request: MemberRequest) -> HttpResponse:
    """How the practice is known, and its legal entities."""
    practice = request.member.practice
    form = PracticeForm(request.POST or None, instance=practice)
    if request.method == "POST":
        access.demand(request.member, "settings.edit")
        if form.is_valid():
            try:
                practices.update_practice(practice_id=practice.pk, **form.facts())
            except PracticeRefused as refused:
                form.refuse(refused)
            else:
                messages.success(request, "Saved. Clients see it from their next page on.")
                return pages.go(request, "settings", practice=practice.slug)
    context = {"tab": "firm", "form": form, "entities": practice.entities.order_by("pk")}
    return _page(request, "firm/settings/firm.html", context, form)


@require_http_methods(["GET", "POST"])
@access.needs("settings.edit")
def entity(request: MemberRequest, pk: int) -> HttpResponse:
    """Change a legal entity."""
    practice = request.member.practice
    found = access.find(Entity.objects.all(), practice, pk=pk)
    form = EntityForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        try:
            practices.update_entity(entity_id=pk, **form.facts())
        except PracticeRefused as refused:
            form.refuse(refused)
        else:
            messages.success(request, "Saved. Invoices already issued stay as they were.")
            return pages.go(request, "settings", practice=practice.slug)
    return _page(request, "firm/settings/entity.html", {"tab": "firm", "form": form, "entity": found}, form)


@dataclass(frozen=True)
class Colleague:
    """Somebody in the practice with all their roles."""

    user: User
    roles: list[str]

    @property
    def title(self) -> str:
        """The roles in words."""
        return ", ".join(Role(role).label for role in Role.values if role in self.roles)


@require_http_methods(["GET", "POST"])
@access.needs("practice.read")
def people_page(request: MemberRequest) -> HttpResponse:
    """Who works here; an owner adds somebody new."""
    practice = request.member.practice
    form = MemberForm(request.POST or None)
    if request.method == "POST":
        access.demand(request.member, "people.edit")
        if form.is_valid():
            try:
                user = people.add_member(practice=practice, **form.cleaned_data)
            except PeopleRefused as refused:
                form.refuse(refused)
            else:
                messages.success(request, f"{user} may sign in now; an invitation is on its way to {user.email}")
                return pages.go(request, "people", practice=practice.slug)
    context = {"tab": "people", "form": form, "colleagues": _colleagues(request)}
    return _page(request, "firm/settings/people.html", context, form)


@require_http_methods(["GET", "POST"])
@access.needs("people.edit")
def roles_of(request: MemberRequest, user_id: int) -> HttpResponse:
    """Change the roles of one colleague; no role takes them out of the practice."""
    practice = request.member.practice
    user = access.one(User.objects.filter(memberships__practice=practice).distinct(), pk=user_id)
    held = list(Membership.objects.filter(practice=practice, user=user).values_list("role", flat=True))
    form = RolesForm(request.POST or None, initial={"roles": held})
    if request.method == "POST" and form.is_valid():
        try:
            people.set_roles(practice=practice, user=user, roles=form.cleaned_data["roles"])
        except PeopleRefused as refused:
            form.refuse(refused)
        else:
            return pages.go(request, "people", practice=practice.slug)
    return _page(request, "firm/settings/person.html", {"tab": "people", "form": form, "person": user}, form)


@require_GET
@access.needs("practice.read")
def roles(request: MemberRequest) -> HttpResponse:
    """Who may do what, straight from the table the product itself asks."""
    rows = [
        (WORDS[what], [(role, role.value in holders or role == Role.OWNER) for role in Role])
        for what, holders in permissions.TABLE.items()
    ]
    return _page(request, "firm/settings/roles.html", {"tab": "roles", "roles": list(Role), "rows": rows})


@require_http_methods(["GET", "POST"])
@access.needs("practice.read")
def tax(request: MemberRequest) -> HttpResponse:
    """The tax rates of each entity, now and to come; a new rate is a new row."""
    practice = request.member.practice
    entities = list(practice.entities.order_by("pk"))
    form = TaxRateForm(request.POST or None)
    if request.method == "POST":
        access.demand(request.member, "settings.edit")
        target = access.find(Entity.objects.all(), practice, pk=request.POST.get("entity") or 0)
        if form.is_valid():
            try:
                practices.set_tax_rate(entity_id=target.pk, **form.facts())
            except PracticeRefused as refused:
                form.refuse(refused)
            else:
                messages.success(request, "Saved. Invoices issued before that day keep their rate.")
                return pages.go(request, "tax", practice=practice.slug)
    rates = TaxRate.objects.filter(entity__practice=practice).order_by("treatment", "-valid_from")
    today = clock.today(request.member.zone)
    context = {"tab": "tax", "form": form, "entities": entities, "rates": rates, "today": today}
    return _page(request, "firm/settings/tax.html", context, form)


@require_GET
@access.needs("clients.read")
def mails(request: MemberRequest) -> HttpResponse:
    """The mail this practice sent, owes, or could not deliver, newest first; ``?state=parked`` only the last."""
    rows = Mail.objects.filter(practice=request.member.practice)
    if request.GET.get("state") == "parked":
        rows = rows.filter(parked_at__isnull=False)
    paged = paginate(rows.order_by("-pk"), request.GET.get("page"))
    context = {"tab": "mails", "paged": paged, "state": request.GET.get("state", "")}
    return _page(request, "firm/settings/mails.html", context)


@require_POST
@access.needs("clients.edit")
def mail_again(request: MemberRequest, pk: int) -> HttpResponse:
    """Send a mail that was not delivered once more, to a corrected address if one is given.

    Only such a mail: one that arrived holds a client's link, and a fresh copy of it would open what is theirs.
    """
    practice = request.member.practice
    found = access.find(Mail.objects.filter(parked_at__isnull=False), practice, pk=pk)
    form = MailForm(request.POST)
    if form.is_valid():
        mail.send_again(mail_id=found.pk, to_email=form.cleaned_data["email"])
        messages.success(request, f"It is on its way to {form.cleaned_data['email']}")
    else:
        messages.error(request, "Enter an email like accounts@larkspur.example")
    return pages.go(request, "mails", practice=practice.slug)


def _colleagues(request: MemberRequest) -> list[Colleague]:
    rows = Membership.objects.filter(practice=request.member.practice).select_related("user")
    found: dict[int, Colleague] = {}
    for row in rows.filter(user__is_active=True).order_by("user__name", "pk"):
        found.setdefault(row.user_id, Colleague(row.user, [])).roles.append(row.role)
    return list(found.values())


def _page(request: MemberRequest, template: str, context: dict[str, Any], form: Any = None) -> HttpResponse:
    status = 422 if form is not None and form.errors else 200
    return pages.page(request, template, "form", {"section": "settings", **context}, status=status)
