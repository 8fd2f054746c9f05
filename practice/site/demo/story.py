"""One engagement, played over HTTP as people do it: a line per step, printed when the step has really happened."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import requests
from django.conf import settings

from billing.models import Invoice, Payment
from billing.stripe_accounts import account_of
from ledger_sync.models import Link
from practice.core import audit, clock, dates, money
from practice.firm import clients
from practice.firm.models import Entity, Practice, Service
from practice.site.demo import stripe_js
from practice.site.demo.cast import PLAYERS
from practice.site.models import DemoMail
from proposals import drafting
from proposals.models import Proposal

#: How long one step may take before the story says that it did not happen.
PATIENCE = 45.0


class NotHappened(Exception):
    """A step did not happen in time; the text says which and what was there instead."""


@dataclass
class Story:
    """The engagement of one new client of one firm, from the draft to the ledger."""

    address: str
    tell: Callable[[str], None]
    slug: str = "harbour-vale"
    partner: requests.Session = field(default_factory=requests.Session)
    client: requests.Session = field(default_factory=requests.Session)
    last: float = field(default_factory=time.monotonic)

    def play(self) -> None:
        """Play every step. Raises NotHappened."""
        proposal = self._draft()
        link = self._send(proposal)
        self._view(proposal, link)
        self._sign(proposal, link)
        invoice = self._pay(proposal, link)
        self._booked(invoice)

    def _line(self, what: str, words: str) -> None:
        now = time.monotonic()
        self.tell(f"  {now - self.last:6.2f} s  {what:<18} {words}")
        self.last = now

    def _draft(self) -> Proposal:
        """A partner writes a proposal for a new client: two options, a deposit of 30 percent."""
        practice = Practice.objects.get(slug=self.slug)
        entity: Entity = practice.entities.get()
        partner = practice.memberships.filter(role="partner")[0].user
        number = practice.clients.filter(name__startswith="Rivergum Pottery").count() + 1
        name = "Rivergum Pottery" + (f" {number}" if number > 1 else "")
        with audit.cause(system="web", actor=partner.email, user_id=partner.pk):
            client = clients.create_client(
                practice=practice,
                name=f"{name} Pty Ltd",
                billing_email=f"accounts@rivergum{number}.{self.slug}.example",
                partner=partner,
            )
            clients.set_person(
                client_id=client.pk, name="Rosa Lindgren", email=f"rosa@rivergum{number}.{self.slug}.example", role="Director",
                signs=True,
            )  # fmt: skip
            draft = drafting.start_draft(
                entity=entity, client=client, partner=partner, title="Books and year-end accounts"
            )
            self._fill(draft, practice)
        self._line("Written", f"{draft.reference} for {client.name}, two options, deposit 30%")
        return draft

    def _fill(self, draft: Proposal, practice: Practice) -> None:
        offers = {s.code: s for s in Service.objects.filter(practice=practice)}
        drafting.set_option(proposal_id=draft.pk, position=1, name="Essential", summary="Books and year-end accounts")
        drafting.add_service(proposal_id=draft.pk, service=offers["BK"])
        drafting.add_service(
            proposal_id=draft.pk, service=next(s for s in offers.values() if s.cadence == "completion")
        )
        drafting.set_option(
            proposal_id=draft.pk, position=2, name="Growth", summary="Everything in Essential, and a call every month",
            recommended=True,
        )  # fmt: skip
        calls = offers.get("ADV") or offers["CFO"]
        line = drafting.add_service(proposal_id=draft.pk, service=calls)
        growth = draft.options.get(position=2)
        drafting.change_line(proposal_id=draft.pk, line_id=line.pk, option_ids=[growth.pk])
        today = clock.today(draft.entity.time_zone)
        drafting.change_draft(
            proposal_id=draft.pk,
            message="{{signatory.first_name}}, thank you for Tuesday. This covers the books and your year-end. Ask me anything.",
            deposit="percent", deposit_value=Decimal(30),
            starts_on=dates.nth(today.replace(day=1), dates.Unit.MONTH, 1, 1),
            expected_completion_on=dates.nth(today, dates.Unit.MONTH, 1, 3),
        )  # fmt: skip

    def _send(self, proposal: Proposal) -> str:
        """The partner signs in and sends it; the mail arrives with a link."""
        self.sign_in(proposal)
        page = f"/{self.slug}/proposals/{proposal.pk}/send/"
        answer = self._post(self.partner, page, page)
        if f"/proposals/{proposal.pk}/send/" in answer.url:
            raise NotHappened("the proposal could not be sent")
        proposal.refresh_from_db()
        person = proposal.signatory
        assert person is not None
        text = self._until("the mail", lambda: self.mail_to(person.email))
        found = re.search(r"https?://\S+(/c/\S+/)", text)
        if found is None:
            raise NotHappened("the mail has no link")
        self._line(
            "Sent",
            f"{proposal.reference} by {proposal.partner.name} to {person.email}, open until {dates.in_words(proposal.expires_on)}",
        )
        return found.group(1)

    def sign_in(self, proposal: Proposal) -> None:
        """One press makes the session the partner's."""
        key = next(p.key for p in PLAYERS if p.email == proposal.partner.email)
        self._post(self.partner, "/demo/", f"/demo/as/{key}/")

    def mail_to(self, email: str) -> str:
        """The newest mail to an address, or nothing yet."""
        mail = DemoMail.objects.filter(to__contains=email).order_by("-pk").first()
        return mail.text if mail else ""

    def _view(self, proposal: Proposal, link: str) -> None:
        self._get(self.client, link)
        proposal.refresh_from_db()
        if proposal.status != Proposal.Status.VIEWED:
            raise NotHappened(f"the proposal is {proposal.status}")
        self._line("Viewed", "by Rosa Lindgren, on a phone")

    def _sign(self, proposal: Proposal, link: str) -> None:
        form = self._fields(self._get(self.client, link).text)
        facts = {
            "option": form["option"], "shown": form["shown"], "name": "Rosa Lindgren", "role": "Director", "consent": "yes",
        }  # fmt: skip
        self._post(self.client, link, f"{link}sign/", facts)
        proposal.refresh_from_db()
        if proposal.engagement is None:
            raise NotHappened("the signature was not taken")
        self._line("Signed", f"Growth, agreement {proposal.engagement.reference} in force, its schedule planned")

    def _pay(self, proposal: Proposal, link: str) -> Invoice:
        """The deposit by test card in the same visit."""
        answer = self._post(self.client, f"{link}pay/", f"{link}pay/").json()
        stripe_js.pay(
            base=settings.STRIPE_API_BASE, key=account_of(proposal.entity_id).publishable_key, secret=answer["client_secret"],
            method=stripe_js.CARD, name="Rosa Lindgren", email="rosa@rivergum.example",
        )  # fmt: skip
        intent = answer["client_secret"].split("_secret_")[0]
        self._get(self.client, f"{link}pay/?payment_intent={intent}")
        invoice = Invoice.objects.filter(engagement=proposal.engagement).order_by("pk")[0]
        payment = self._until(
            "the payment",
            lambda: Payment.objects.filter(allocations__invoice=invoice, state=Payment.State.SUCCEEDED).first(),
        )
        first = invoice.instalments.order_by("position").first()
        part = f" of {self._money(invoice.total, invoice)}" if first else ""
        self._line(
            "Deposit paid", f"{self._money(payment.amount, invoice)}{part}, card ending 4242, on {invoice.number}"
        )
        return invoice

    def _booked(self, invoice: Invoice) -> None:
        link = self._until("the invoice in the ledger", lambda: self._there(invoice=invoice))
        name = link.connection.get_provider_display()
        theirs = link.base_theirs or {}
        self._line(
            f"Invoice in {name}",
            f"{theirs.get('number')}, account {theirs['lines'][0].get('account') or 'of its item'}: {self._money(invoice.total, invoice)} here, "
            f"{theirs.get('total')} there, tax {theirs.get('tax')}",
        )
        link = self._until("the payment in the ledger", lambda: self._payment_there(invoice))
        theirs = link.base_theirs or {}
        self._line(
            f"Payment in {name}",
            f"{theirs.get('amount')} to Stripe clearing on {theirs.get('date')}; fee and payout follow tomorrow",
        )

    def _there(self, **subject: Any) -> Link | None:
        return Link.objects.filter(remote_id__isnull=False, owed_since__isnull=True, **subject).first()

    def _payment_there(self, invoice: Invoice) -> Link | None:
        """Xero knows the money on each invoice, QuickBooks the payment with its lines."""
        return self._there(allocation__invoice=invoice) or self._there(payment__allocations__invoice=invoice)

    def _money(self, amount: Decimal, invoice: Invoice) -> str:
        return money.in_words(amount, invoice.currency, invoice.entity.locale)

    def _until(self, what: str, look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            clock.sleep(0.05)
        desk = f"{self.address}/{self.slug}/ledger/".replace("127.0.0.1", "localhost")
        raise NotHappened(f"{what} did not come within {PATIENCE:.0f} s. Why is on the ledger's page: {desk}")

    def _get(self, session: requests.Session, path: str) -> requests.Response:
        answer = session.get(self.address + path, headers={"User-Agent": "Mobile Safari"}, timeout=30)
        if answer.status_code >= 400:
            raise NotHappened(f"{path} answered {answer.status_code}")
        return answer

    def _post(
        self, session: requests.Session, page: str, to: str, facts: dict[str, str] | None = None
    ) -> requests.Response:
        self._get(session, page)
        token = session.cookies.get(settings.CSRF_COOKIE_NAME) or ""
        answer = session.post(
            self.address + to, data={**(facts or {}), "csrfmiddlewaretoken": token},
            headers={"Referer": self.address + page, "User-Agent": "Mobile Safari"}, timeout=30,
        )  # fmt: skip
        if answer.status_code >= 400:
            raise NotHappened(f"{to} answered {answer.status_code}")
        return answer

    def _fields(self, html: str) -> dict[str, str]:
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))
