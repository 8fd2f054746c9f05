"""Mail: owed in the commit that caused it, rendered by the worker, sent once that is committed.

A kind is named ``package.what`` ("proposals.sent"); its templates are ``proposals/mail/sent.subject.txt``, ``sent.txt``
and ``sent.html``. Tokens never rest in the mail's facts: recorders of ``firm.mail.rendering`` mint links into the
context while the mail is rendered, in the same transaction that stores their digests.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import datetime
from email.utils import formataddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import QuerySet
from django.template import Context
from django.template.loader import get_template, render_to_string

from practice.core import clock, events, network, owed
from practice.core.models import Switch
from practice.core.owed import Urgency
from practice.core.wake import wake
from practice.firm.models import Mail, Practice

log = logging.getLogger(__name__)
#: How long one worker may hold a mail; after that another may send it again.
CLAIM_SECONDS = 120


def owe_mail(
    *,
    practice: Practice,
    kind: str,
    to_email: str,
    to_name: str,
    facts: dict[str, Any],
    urgency: int = Urgency.PERSON,
    from_name: str = "",
    reply_to: str = "",
) -> Mail:
    """Write down one message to send; facts are ids and plain values the templates and recorders need.

    Call it in the transaction of the change that caused it; the worker is woken once that has committed.
    """
    now = clock.now()
    mail = Mail.objects.create(
        practice=practice,
        kind=kind,
        to_email=to_email,
        to_name=" ".join(to_name.split()),
        from_name=" ".join((from_name or practice.name).split()),
        reply_to=reply_to or practice.email,
        facts=facts,
        urgency=urgency,
        created_at=now,
        owed_since=now,
        owed_rev=1,
        ready_at=now,
    )
    wake("practice.firm.tasks.send_mail", mail_id=mail.pk)
    return mail


def hold_back(mail: Mail, *, until: datetime) -> None:
    """Let the sweep send a message later, unless :func:`take_over` has put another one in its place by then."""
    owed.postpone(Mail.objects.filter(pk=mail.pk), until=until)


def take_over(rows: QuerySet[Mail]) -> list[Mail]:
    """Take messages back that nobody has begun to send, because another one will say the same. Returns those."""
    # Tries, not claims: a worker that died in the middle may have sent it.
    untouched = rows.filter(owed_since__isnull=False, sent_at__isnull=True, tries=0).order_by("pk")
    return [row for row in untouched if Mail.objects.filter(pk=row.pk, tries=0).delete()[0]]


def deliver(mail_id: int) -> bool:
    """Send one mail if it is owed, ready and nobody else is sending it. Returns whether it was sent.

    Rendering is committed before anything is sent, and nothing is sent inside a transaction. A worker that dies between
    sending and settling leaves the mail owed: once its claim has run out it is sent a second time, under the same
    Message-ID, because a second copy does less harm than none.
    """
    rows = Mail.objects.filter(pk=mail_id)
    if Switch.objects.filter(sending=False).exists() or not owed.claim(rows, seconds=CLAIM_SECONDS):
        return False
    mail = rows.select_related("practice").get()
    try:
        with transaction.atomic():
            message = render(mail)
            # Headers that cannot be written are found here, and not while it is being sent.
            message.message()
    except Exception as error:
        log.exception("mail %s (%s) cannot be rendered", mail.pk, mail.kind)
        _park(mail, "mail_unrenderable", error)
        return False
    try:
        network.refuse_inside_transaction(f"smtp://{settings.EMAIL_HOST or 'mail'}")
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        _park(mail, "mail_refused", error)
        return False
    except (smtplib.SMTPException, OSError) as error:
        _try_later(mail, error)
        return False
    with transaction.atomic():
        owed.settle(rows, sent_rev=mail.owed_rev)
        rows.update(sent_at=clock.now(), claimed_until=None, failure="")
    return True


def render(mail: Mail) -> EmailMultiAlternatives:
    """The message as it will be sent. Recorders of ``firm.mail.rendering`` add to ``context`` what only they know."""
    context: dict[str, Any] = {
        **mail.facts,
        "mail": mail,
        "practice": mail.practice,
        "to_name": mail.to_name,
        "site_url": settings.SITE_URL,
    }
    events.record("firm.mail.rendering", mail, context=context)
    package, _, what = mail.kind.partition(".")
    stem = f"{package}/mail/{what}"
    message = EmailMultiAlternatives(
        subject=" ".join(_plain(f"{stem}.subject.txt", context).split()),
        body=_plain(f"{stem}.txt", context).strip() + "\n",
        from_email=formataddr((mail.from_name, settings.DEFAULT_FROM_EMAIL)),
        to=[formataddr((mail.to_name, mail.to_email))],
        reply_to=[mail.reply_to] if mail.reply_to else None,
        headers={
            "Message-ID": f"<mail-{mail.pk}-{mail.owed_rev}@{settings.SITE_URL.partition('://')[2].split(':')[0]}>"
        },
    )
    message.attach_alternative(render_to_string(f"{stem}.html", context), "text/html")
    for attachment in context.get("attachments", []):
        message.attach(*attachment)
    return message


def _plain(name: str, context: dict[str, Any]) -> str:
    """Render a text template: what is typed with an ampersand stays one."""
    template: Any = get_template(name)
    return str(template.template.render(Context(context, autoescape=False)))


def due() -> list[int]:
    """The ids of mail that may be sent now, the most urgent and oldest first."""
    rows = Mail.objects.filter(ready_at__lte=clock.now()).order_by("urgency", "ready_at")
    return list(rows.values_list("pk", flat=True)[:100])


@transaction.atomic
def send_again(*, mail_id: int, to_email: str = "") -> None:
    """Owe a mail once more, at once and to another address if one is given; takes it out of its parking place."""
    rows = Mail.objects.filter(pk=mail_id)
    owed.owe(rows, urgency=Urgency.PERSON)
    rows.update(claimed_until=None, failure="", **({"to_email": to_email} if to_email else {}))
    wake("practice.firm.tasks.send_mail", mail_id=mail_id)


def _try_later(mail: Mail, error: Exception) -> None:
    if mail.tries >= owed.MAX_TRIES:
        _park(mail, "mail_undelivered", error)
        return
    rows = Mail.objects.filter(pk=mail.pk)
    with transaction.atomic():
        owed.postpone(rows, until=clock.now() + owed.backoff(mail.tries))
        rows.update(claimed_until=None, failure=_words(error))


def _park(mail: Mail, code: str, error: Exception) -> None:
    rows = Mail.objects.filter(pk=mail.pk)
    with transaction.atomic():
        owed.park(rows, code=code)
        rows.update(claimed_until=None, failure=_words(error))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
