"""How pages write amounts, dates, moments and states; loaded in every template."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.template.base import Node, NodeList, Parser, Token
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from practice.core import clock, dates, money, panels, states
from practice.core.icons import svg

register = template.Library()


@register.filter(name="money")
def in_money(amount: Decimal | None, where: Any) -> str:
    """An amount in the currency and locale of ``where`` (anything with ``currency``; ``locale`` if it has one)."""
    if amount is None:
        return "–"
    currency = where if isinstance(where, str) else where.currency
    locale = getattr(where, "locale", "") or {"USD": "en_US", "GBP": "en_GB", "NZD": "en_NZ"}.get(currency, "en_AU")
    return money.in_words(Decimal(amount), currency, locale)


@register.filter
def price(amount: Decimal | None, where: Any) -> str:
    """A unit price: like an amount, but up to four decimals stay ("$8.505")."""
    if amount is None:
        return "–"
    exact = Decimal(amount).normalize()
    if exact == money.to_cents(exact):
        return in_money(exact, where)
    cents = in_money(Decimal(0), where)
    return cents.replace("0.00", f"{exact:,f}")


@register.filter
def typed(value: Decimal) -> str:
    """A price as it stands in a field: two decimals, and up to four where it has them."""
    exact = Decimal(value).normalize()
    return f"{exact:.2f}" if exact == money.to_cents(exact) else f"{exact:f}"


@register.filter
def day(value: date | None) -> str:
    """A date in full: "18 December 2026"."""
    return dates.in_words(value) if value else "–"


@register.filter
def spoken(value: date | str | None) -> str:
    """The day in a date field in words, whatever order the browser writes it in; nothing for no day."""
    try:
        return dates.in_words(date.fromisoformat(value) if isinstance(value, str) else value) if value else ""
    except ValueError:
        return ""


@register.filter
def localday(value: datetime, zone: str = "UTC") -> str:
    """The day of a moment in a time zone, in full."""
    return dates.in_words(value.astimezone(ZoneInfo(zone)).date())


@register.filter
def shortday(value: date | None) -> str:
    """A date without its year: "18 Dec"."""
    return dates.short(value) if value else "–"


@register.filter
def weekday(value: date) -> str:
    """A date as a greeting names it: "Friday 20 November"."""
    return f"{value:%A} {value.day} {value:%B}"


@register.filter
def moment(value: datetime | None, zone: str = "UTC") -> str:
    """A moment in a time zone: "18 Dec 14:03"."""
    if value is None:
        return "–"
    local = value.astimezone(ZoneInfo(zone))
    return f"{dates.short(local.date())} {local:%H:%M}"


@register.filter
def exactly(value: datetime, zone: str) -> str:
    """A moment to the second: "18 Dec 2026 14:03:07"."""
    local = value.astimezone(ZoneInfo(zone))
    return f"{dates.short(local.date())} {local:%Y %H:%M:%S}"


@register.filter
def ago(value: datetime | None) -> str:
    """How long ago, in one unit: "40 seconds ago", "3 hours ago"."""
    if value is None:
        return "never"
    seconds = max(0, int((clock.now() - value).total_seconds()))
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            n = seconds // size
            return f"{n} {word}{'s' if n > 1 else ''} ago"
    return f"{seconds} second{'' if seconds == 1 else 's'} ago"


@register.filter
def quantity(value: Decimal | None) -> str:
    """A quantity without needless zeros: "6", "1.5"."""
    if value is None:
        return "–"
    return money.plain(Decimal(value))


_NUMBERS = "No One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve".split()


@register.filter
def spelled(n: int) -> str:
    """A count that opens a sentence: "Four", and digits above twelve."""
    return _NUMBERS[n] if 0 <= n < len(_NUMBERS) else f"{n:,}"


@register.filter
def things(rows: Any) -> str:
    """How many things, in words: "One thing", "Two things"."""
    n = rows if isinstance(rows, int) else len(rows)
    return f"{spelled(n)} thing{'' if n == 1 else 's'}"


@register.filter
def counted(n: int, noun: str) -> str:
    """A count with its noun ("41 invoices"); "person,people" gives an irregular plural."""
    one, _, many = noun.partition(",")
    return f"{n:,} {one if n == 1 else many or one + 's'}"


@register.filter
def breakable(address: str) -> SafeString:
    """An email that breaks after its @ where a line is too short for it."""
    name, at, domain = address.partition("@")
    return format_html("{}{}<wbr>{}", name, at, domain)


@register.simple_tag
def meter(share: Decimal | float | None) -> SafeString:
    """A bar filled to so many per cent; decoration beside a figure, so hidden from screen readers."""
    width = max(0, min(100, round(share or 0)))
    return format_html(
        '<svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="{}" height="6"/></svg>',
        width,
    )


@register.simple_tag
def icon(name: str, size: str = "") -> SafeString:
    """One line icon, hidden from screen readers; its words stand beside it."""
    return svg(name, size)


@register.simple_tag
def state(name: str, words: str = "") -> SafeString:
    """A state as icon, word and colour: always the same three for the same state."""
    look = states.look(name)
    return format_html('<span class="tag {}">{}{}</span>', look.tone, svg(look.icon), words or look.words)


@register.simple_tag(takes_context=True)
def panel(context: template.Context, slot: str, subject: Any = None) -> SafeString:
    """Every panel that higher packages lend to this slot."""
    return panels.render(slot, context["request"], subject)


class _Allowed(Node):
    def __init__(self, what: str, inner: NodeList) -> None:
        self.what, self.inner = what, inner

    def render(self, context: template.Context) -> SafeString:
        member = context.get("member")
        if member is None or not member.may(self.what):
            return mark_safe("")
        return self.inner.render(context)


@register.tag
def allowed(parser: Parser, token: Token) -> Node:
    """``{% allowed "proposals.send" %} … {% endallowed %}``: shown to members whose roles may do it."""
    what = token.split_contents()[1].strip("\"'")
    inner = parser.parse(("endallowed",))
    parser.delete_first_token()
    return _Allowed(what, inner)
