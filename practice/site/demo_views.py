"""The demo's own pages: who to be, the clients' mail, and things to break. They exist only in a marked database."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from practice.core import clock
from practice.core.pages import page
from practice.firm import permissions
from practice.firm.models import Practice, User
from practice.site.demo import arriving, breaking
from practice.site.demo.cast import FIRMS, PLAYERS, Player
from practice.site.models import DemoMail, DemoMark

View = Callable[..., HttpResponse]


def demo_only(view: View) -> View:
    """Open a view only where the settings and the database both say that this is a demo."""

    @login_not_required
    @wraps(view)
    def opened(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not settings.DEMO or not DemoMark.objects.exists():
            raise Http404
        return view(request, **kwargs)

    return opened


@demo_only
def start(request: HttpRequest) -> HttpResponse:
    """Who to be, what to try, what to break."""
    context = {
        "players": PLAYERS,
        "breaks": breaking.BREAKS,
        "firms": FIRMS,
        "xero": f"{settings.XERO_BASE}/books/",
        "quickbooks": f"{settings.QBO_BASE}/books/",
        "stripe": f"{settings.STRIPE_API_BASE}/dashboard/acct_harbour/",
    }
    return render(request, "site/demo.html", context)


@demo_only
@require_POST
def sign_in(request: HttpRequest, key: str) -> HttpResponse:
    """Be one of the demo's people, with one press; it counts as having proved a second factor."""
    player = next((p for p in PLAYERS if p.key == key), None)
    if player is None:
        raise Http404
    _sign_in(request, player)
    return redirect("dashboard", practice=next(iter(player.roles)))


def _sign_in(request: HttpRequest, player: Player) -> None:
    user = get_object_or_404(User, email=player.email)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session["demo_person"] = player.key


@demo_only
def mailbox(request: HttpRequest) -> HttpResponse:
    """The mail the demo would have sent, newest first."""
    words = request.GET.get("q", "").strip()
    rows = DemoMail.objects.order_by("-pk")
    if words:
        rows = rows.filter(to__icontains=words) | rows.filter(subject__icontains=words)
    return render(request, "site/mailbox.html", {"rows": rows[:60], "q": words})


@demo_only
def one_mail(request: HttpRequest, mail_id: int) -> HttpResponse:
    """One message, as its text part says it, with its links."""
    return render(request, "site/one_mail.html", {"mail": get_object_or_404(DemoMail, pk=mail_id)})


@demo_only
@require_POST
def break_it(request: HttpRequest, what: str) -> HttpResponse:
    """Break something in one of the firms, then watch it arrive."""
    broken = next((b for b in breaking.BREAKS if b.key == what), None)
    firm = next((f for f in FIRMS if f.slug == request.POST.get("firm")), None)
    if broken is None or firm is None:
        raise Http404
    since = clock.now()
    try:
        connection = breaking.connection_of(firm.slug)
        done = broken.act(connection)
    except breaking.CannotBreak as error:
        messages.error(request, f"{firm.name}: {error}")
        return redirect("demo")
    _be_somebody_there(request, connection.practice)
    return redirect("demo_broken", token=arriving.token_of(broken, connection, done, since))


def _be_somebody_there(request: HttpRequest, practice: Practice) -> None:
    """Whoever is nobody in the firm becomes the sync admin of both, who may see and decide what was broken."""
    user = request.user
    if not isinstance(user, User) or permissions.member_of(user, practice) is None:
        _sign_in(request, next(p for p in PLAYERS if p.key == "sana"))


@demo_only
def broken(request: HttpRequest, token: str) -> HttpResponse:
    """What was broken, whether it has arrived, and where it shows; the page asks again until it has."""
    watch = arriving.watch_of(token)
    if watch is None:
        raise Http404
    sight, now = watch.look(), clock.now()
    context = {
        "watch": watch,
        "sight": sight,
        "seconds": ((sight.at or now) - watch.since).total_seconds(),
        "late": sight.at is None and now - watch.since > arriving.PATIENCE,
        "desk": watch.page("ledger_desk", connection_id=watch.connection.pk),
    }
    return page(request, "site/broken.html", "arrival", context)
