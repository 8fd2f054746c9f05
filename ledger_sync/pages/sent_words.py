"""What a call did with one record, in words: what was sent, when and how often, by whose doing, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Q

from ledger_sync.models import Call, CallItem, Link, RefItem
from practice.core import dates, money

_SENT = {"create": "Sent as new.", "update": "Change sent.", "void": "Void sent.", "delete": "Removal sent."}
#: Fields that name an object of the ledger, shown by its name where we know it.
_PLACES = frozenset({"account", "tax", "item", "from", "to", "tracking"})
#: Fields that only machines compare: ids of documents, and our own marks on lines.
_TECHNICAL = frozenset(
    {"key", "contact", "invoice", "remote_line", "tracked", "basis", "status", "type", "credit", "payment"}
)
_AMOUNTS = frozenset({"net", "tax_amount", "total", "amount"})
_NAMES = {
    "due_on": "due",
    "true_date": "day the money moved",
    "tax_number": "tax number",
    "unit_price": "price",
    "from": "from account",
    "to": "to account",
}
_SYSTEMS = {
    "web": "here", "client link": "on the client's page", "stripe": "as Stripe told", "schedule": "by the clock",
    "engine": "while sending", "command": "by a command", "xero": "in Xero", "quickbooks": "in QuickBooks",
}  # fmt: skip


@dataclass(frozen=True)
class Detail:
    """One field of what was sent or changed; ``was`` is what it said before, where that is known."""

    name: str
    value: str
    was: str = ""


def how_long(call: Call) -> str:
    """How often a call was sent, and how long its end took; "" for the first send of one that is still open."""
    often = ""
    if call.sends > 1:
        often = f"Sent {call.sends} times under one key, so that it could be booked only once"
    if call.closed_at is None or call.last_sent_at is None:
        return often
    took = (
        call.closed_at - (call.last_sent_at if call.sends == 1 else call.first_sent_at or call.made_at)
    ).total_seconds()
    verb = "answered" if call.outcome in (Call.Outcome.DONE, Call.Outcome.REFUSED, Call.Outcome.TRY_LATER) else "known"
    return f"{often}, {verb} {_after(took)}" if often else f"{verb.capitalize()} {_after(took)}"


def _after(seconds: float) -> str:
    if seconds < 0.05:
        return "at once"
    if seconds < 10:
        return f"after {seconds:.1f} s"
    return f"after {seconds:.0f} s" if seconds < 120 else f"after {seconds / 60:.0f} minutes"


def by_whom(debt: dict[str, Any], names: dict[int, str]) -> str:
    """By whose doing something is owed: "by Mara Ellis", "by the clock", with the reason they gave."""
    where = _SYSTEMS.get(debt.get("system", ""), "")
    who = names.get(debt.get("user", 0)) or (
        debt.get("actor", "") if debt.get("system") not in ("engine", "schedule") else ""
    )
    words = f"by {who}{f', {where}' if where and where != 'here' else ''}" if who else where or "by us"
    return f"{words} ({debt['reason']})" if debt.get("reason") else words


def sent(item: CallItem) -> str:
    """What was asked of the ledger."""
    action = str(item.ours["action"])
    return _SENT.get(action, f"{action.capitalize()} sent.")


def ended(item: CallItem, ledger: str) -> tuple[str, str]:
    """The tone of how an attempt ended, and its words."""
    if item.call.closed_at is None:
        if not item.call.words:
            return "w", f"{ledger} is being waited for."
        return (
            "w",
            f"{ledger} has not answered. We look there before anything is sent again, so it cannot be booked twice.",
        )
    return {
        "ok": ("", f"{ledger} took it."),
        "found": ("", f"{ledger} did not answer. We looked: it had arrived, and was not sent twice."),
        "refused": ("x", f"{ledger} refused it."),
        "absent": ("w", f"{ledger} did not answer. We looked: it had not arrived, so it is sent anew."),
        "split": ("w", "The call was refused as a whole; each of its records is sent again by itself."),
        "look": ("w", f"{ledger} says that it has it already. We look before anything is sent again."),
        "unread": ("w", f"{ledger}'s answer could not be read. We look before anything is sent again."),
    }.get(item.result, ("w", f"{ledger} asked us to try again later."))


def removed(on: str) -> str:
    """That what was sent is no longer kept, since a day in ISO form."""
    return f"Body removed on {dates.in_words(date.fromisoformat(on))}: what was sent is kept for a while only"


class Shown:
    """What was sent for a link, field by field, with the ledger's own objects by their names (asked for once)."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._names: dict[str, str] | None = None

    def details(self, item: CallItem) -> list[Detail]:
        """The fields of one document as it was sent; of a change only what it named, beside what was there before."""
        doc, only = item.ours["doc"], item.ours.get("fields") or ()
        chosen = {name: value for name, value in doc.items() if not only or name in only}
        return [detail for name, value in chosen.items() for detail in self._one(name, value)]

    def _one(self, name: str, value: Any) -> Iterator[Detail]:
        if name in _TECHNICAL or value in ("", None, [], {}):
            return
        words = _NAMES.get(name, name.replace("_", " "))
        if isinstance(value, dict):
            yield Detail(words, ", ".join(str(part) for part in value.values() if part))
        elif isinstance(value, list):
            for number, line in enumerate(value, start=1):
                yield Detail(f"line {number}" if len(value) > 1 else "line", self._line(line))
        else:
            yield Detail(words, self._value(name, value))

    def _line(self, line: Any) -> str:
        """A line in one sentence: "Bookkeeping, 1 × 460: $460.00, to Sales, with GST on Income"."""
        if not isinstance(line, dict):
            return str(line)
        many = f", {line['quantity']} × {line['unit_price']}" if line.get("quantity") and line.get("unit_price") else ""
        words = f"{line.get('description', '')}{many}"
        if line.get("amount"):
            words += f": {self._value('amount', line['amount'])}"
        if line.get("account"):
            words += f", to {self._value('account', line['account'])}"
        return f"{words}, with {self._value('tax', line['tax'])}" if line.get("tax") else words

    def _value(self, name: str, value: Any) -> str:
        text = str(value)
        if name in _AMOUNTS or (name == "tax" and _is_amount(text)):
            entity = self.link.connection.entity
            return money.in_words(
                Decimal(text), getattr(self.link.subject, "currency", "") or entity.currency, entity.locale
            )
        if name in _PLACES:
            return self._name_of(text)
        if name in ("date", "due_on", "true_date"):
            return dates.in_words(date.fromisoformat(text))
        return text

    def _name_of(self, reference: str) -> str:
        """A place in the ledger by its name, or as it was sent where we do not know it."""
        if self._names is None:
            kinds = Q(kind__in=(RefItem.Kind.ACCOUNT, RefItem.Kind.TAX, RefItem.Kind.ITEM, RefItem.Kind.OPTION))
            rows = RefItem.objects.filter(kinds, connection=self.link.connection_id)
            facts = list(rows.values_list("remote_id", "code", "name"))
            self._names = {code: name for _, code, name in facts if code} | {key: name for key, _, name in facts}
        return self._names.get(reference, reference)


def _is_amount(text: str) -> bool:
    try:
        return "." in text and Decimal(text).is_finite()
    except InvalidOperation:
        return False
