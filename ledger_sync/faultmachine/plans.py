"""What a seed stands for: the acts of people and bookkeeper, and the troubles, written down before anything runs.

A plan is a plain value, so that a failing one can be made shorter by leaving acts and troubles out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

#: Where a trouble may strike: before COMMIT, after COMMIT (before on_commit), before a send, after its reply …
COMMIT, COMMITTED, BEGIN, SEND, REPLY, RING, NOTICE = "commit", "committed", "begin", "send", "reply", "ring", "notice"
STRIPE_NOTICE = "stripe notice"


@dataclass(frozen=True)
class Spot:
    """Where one kind of trouble strikes, and what it is about.

    That is "api" and "token" calls to a ledger, calls to "stripe" and those that "move" something there, "call" rows,
    or "" for any.
    """

    places: tuple[str, ...]
    calls: str = ""


#: Every kind of trouble. A run in which one of them never fired proves nothing about it, and fails.
KINDS: dict[str, Spot] = {
    "kill_before_commit": Spot((COMMIT,)),
    "kill_after_commit": Spot((COMMITTED,)),
    "kill_before_send": Spot((SEND,)),
    "kill_after_reply": Spot((REPLY,)),
    "suspended": Spot((BEGIN, COMMITTED, REPLY)),
    "suspended_sending": Spot((SEND,), "api"),
    "suspended_after": Spot((REPLY,), "api"),
    "suspended_unsent": Spot((COMMITTED,), "call"),
    "clock_jump": Spot((BEGIN, COMMITTED)),
    "reset": Spot((SEND,)),
    "timeout": Spot((SEND,)),
    "worked_late": Spot((SEND,), "api"),
    "response_lost": Spot((SEND,)),
    "truncated": Spot((SEND,), "api"),
    "html_instead": Spot((SEND,), "api"),
    "minute_limit": Spot((SEND,), "api"),
    "concurrent_limit": Spot((SEND,), "api"),
    "day_limit": Spot((SEND,), "api"),
    "server_error": Spot((SEND,), "api"),
    "unavailable": Spot((SEND,), "api"),
    "unavailable_wait": Spot((SEND,), "api"),
    "down": Spot((SEND,), "api"),
    "token_expired": Spot((SEND,), "api"),
    "token_race": Spot((BEGIN, COMMITTED)),
    "token_reply_lost": Spot((SEND,), "token"),
    "ring_lost": Spot((RING,)),
    "ring_doubled": Spot((RING,)),
    "notice_lost": Spot((NOTICE,)),
    "notice_doubled": Spot((NOTICE,)),
    "notice_late": Spot((NOTICE,)),
    "notice_reordered": Spot((NOTICE,)),
    "notice_forged": Spot((NOTICE,)),
}
#: What comes on top in a firm that takes payments through Stripe.
STRIPE_KINDS: dict[str, Spot] = {
    "stripe_killed_unsent": Spot((SEND,), "move"),
    "stripe_killed_after": Spot((REPLY,), "move"),
    "stripe_suspended": Spot((REPLY,), "stripe"),
    "stripe_reset": Spot((SEND,), "stripe"),
    "stripe_timeout": Spot((SEND,), "move"),
    "stripe_lost": Spot((SEND,), "move"),
    "stripe_truncated": Spot((SEND,), "move"),
    "stripe_limit": Spot((SEND,), "stripe"),
    "stripe_locked": Spot((SEND,), "move"),
    "stripe_error": Spot((SEND,), "move"),
    "stripe_unavailable": Spot((SEND,), "stripe"),
    "stripe_notice_lost": Spot((STRIPE_NOTICE,)),
    "stripe_notice_doubled": Spot((STRIPE_NOTICE,)),
    "stripe_notice_late": Spot((STRIPE_NOTICE,)),
    "stripe_notice_reordered": Spot((STRIPE_NOTICE,)),
    "stripe_notice_forged": Spot((STRIPE_NOTICE,)),
}
#: What may become of a send that is part of a storm.
SPOILING = (
    "response_lost", "response_lost", "timeout", "worked_late", "worked_late", "truncated", "minute_limit",
    "unavailable", "server_error", "kill_after_reply", "kill_before_send", "reset",
)  # fmt: skip
#: What people and the bookkeeper do, and how often.
ACTS: dict[str, int] = {
    "agree": 10,
    "bill": 6,
    "pay": 16,
    "pay_two": 2,
    "return_payment": 4,
    "void": 4,
    "change_email": 5,
    "change_phone": 3,
    "books_edit_email": 4,
    "books_edit_phone": 3,
    "books_rename": 1,
    "books_record_payment": 8,
    "books_delete_payment": 3,
    "books_edit_line": 2,
    "books_move_due_date": 2,
    "books_recode": 2,
    "books_void": 1,
    "books_archive_account": 1,
    "books_lock": 1,
}
#: What happens beside that around a firm's Stripe, and how often.
STRIPE_ACTS: dict[str, int] = {
    "card_client": 2,
    "debit_client": 2,
    "bill_saved": 6,
    "pay_online": 4,
    "new_card": 1,
    "refund_price": 6,
    "refund_method": 3,
    "refund_unapplied": 2,
    "concede": 4,
    "reopen": 2,
    "stripe_debit_arrives": 4,
    "stripe_debit_bounces": 3,
    "stripe_dispute": 8,
    "stripe_dispute_ends": 8,
    "stripe_refund": 2,
    "stripe_refund_ends": 3,
    "stripe_pay_out": 3,
    "stripe_payout_bounces": 3,
    "days_pass": 4,
}
#: What happens in a firm's histories beside that. Those of one ledger keep their own choices, and mutants their seeds.
FIRM_ACTS: dict[str, int] = {
    "credit": 7,
    "write_off": 2,
    "take_back_credit": 3,
    "overpay": 5,
    "use_credit": 4,
    "withdraw": 3,
    "ask_for_papers": 2,
    "books_merge": 3,
    "books_credit": 4,
    "books_write_off": 2,
    "books_take_off_credit": 3,
    "books_void_credit": 1,
    "books_move_credit": 2,
}
#: Those of them by which money comes in.
COMING_IN = ("card_client", "debit_client", "bill_saved", "pay_online", "new_card")


@dataclass(frozen=True)
class Act:
    """One thing somebody does, so many seconds into the history. ``nth`` seeds its own choices."""

    name: str
    nth: int
    at: float


@dataclass(frozen=True)
class Trouble:
    """One trouble: at the nth fitting moment of a role ("" is anybody), for so many seconds where it lasts."""

    kind: str
    role: str
    nth: int
    seconds: float = 0.0

    def fits(self, place: str, role: str, detail: str) -> bool:
        """Whether it may strike here."""
        spot = KINDS.get(self.kind) or STRIPE_KINDS[self.kind]
        if place not in spot.places or (self.role and self.role != role):
            return False
        if spot.calls == "api":
            return "/api.xro/" in detail or "/v3/company/" in detail
        if spot.calls in ("stripe", "move"):
            return detail.startswith("POST /v1/" if spot.calls == "move" else ("POST /v1/", "GET /v1/"))
        if spot.calls == "call":
            return 'ledger_sync_call"' in detail
        return spot.calls != "token" or "/connect/token" in detail or "/tokens/bearer" in detail


@dataclass(frozen=True)
class Plan:
    """One history. A ``tight`` ledger allows few calls a minute, a ``tidy`` one writes phone numbers its own way."""

    seed: int
    acts: tuple[Act, ...]
    troubles: tuple[Trouble, ...]
    tight: bool = False
    tidy: bool = False
    ledgers: tuple[str, ...] = ("xero",)

    @property
    def is_firm(self) -> bool:
        """Whether it is the history of a firm with several ledgers."""
        return len(self.ledgers) > 1

    def without(self, *, acts: tuple[Act, ...] = (), troubles: tuple[Trouble, ...] = ()) -> Plan:
        """The same history with some of it left out."""
        return replace(
            self,
            acts=tuple(a for a in self.acts if a not in acts),
            troubles=tuple(t for t in self.troubles if t not in troubles),
        )


def plan_of(seed: int) -> Plan:
    """The history a kernel seed stands for: one ledger, few records."""
    return _plan(seed, Random(f"plan {seed}"), ("xero",))


def firm_plan_of(seed: int) -> Plan:
    """The history a firm seed stands for: a small firm with a ledger at each vendor."""
    plan = _plan(seed, Random(f"firm {seed}"), ("xero", "quickbooks"))
    acts, troubles = _around_stripe(Random(f"stripe {seed}"), until=max(400.0, plan.acts[-1].at))
    return replace(plan, acts=(*plan.acts, *acts), troubles=(*plan.troubles, *troubles))


def _around_stripe(chance: Random, until: float) -> tuple[list[Act], list[Trouble]]:
    """Clients with a saved method from the beginning; what becomes of their money; and Stripe's bad moments.

    Money comes first and goes back later, or there would be none to go back.
    """
    timed = [(4.0, "card_client"), (9.0, "debit_client"), (15.0, "card_client"), (30.0, "card_client")]
    for name in chance.choices(list(STRIPE_ACTS), list(STRIPE_ACTS.values()), k=chance.randint(8, 13)):
        first, last = (20.0, until * 0.6) if name in COMING_IN else (until * 0.6, until + 120)
        timed.append((round(chance.uniform(first, last), 3), name))
    acts = [Act(name, nth, at) for nth, (at, name) in enumerate(sorted(timed), start=100)]
    troubles = []
    for kind in chance.sample(list(STRIPE_KINDS), k=9):
        is_notice = STRIPE_KINDS[kind].places == (STRIPE_NOTICE,)
        seconds = chance.uniform(20, 600) if is_notice else chance.choice((95, 400, 1500))
        # The first calls save the methods without which there would be nothing to charge.
        nth = int(chance.expovariate(1 / 5)) if is_notice else chance.randint(4, 18)
        troubles.append(Trouble(kind, "", nth, round(seconds, 1)))
    return acts, troubles


def _plan(seed: int, chance: Random, ledgers: tuple[str, ...]) -> Plan:
    pace = chance.choice((3.0, 12.0, 40.0))
    mix = {**ACTS, **FIRM_ACTS} if len(ledgers) > 1 else ACTS
    names, weights = list(mix), list(mix.values())
    acts = [Act("agree", 0, 0.0)]
    at = 0.0
    for nth in range(1, chance.randint(7, 14) * len(ledgers)):
        at += chance.expovariate(1 / pace)
        acts.append(Act(chance.choices(names, weights)[0], nth, round(at, 3)))
    troubles: list[Trouble] = []
    odds = [3 if spot.calls == "call" else 2 if SEND in spot.places else 1 for spot in KINDS.values()]
    for kind in chance.choices(list(KINDS), odds, k=chance.randint(4, 9) * len(ledgers)):
        troubles += _trouble(chance, kind)
    if chance.random() < 0.4:
        troubles += _storm(chance)
    tight, tidy = chance.random() < 0.2, chance.random() < 0.4
    return Plan(seed, tuple(acts), tuple(troubles), tight=tight, tidy=tidy, ledgers=ledgers)


def _storm(chance: Random) -> list[Trouble]:
    """Troubles that follow on one another: a send comes to grief, its sender is held up, and so is the next try."""
    nth = int(chance.expovariate(1 / 4))
    first, second, third = chance.choices(SPOILING, k=3)
    storm = [Trouble(first, "push", nth), Trouble(second, "push", nth + 1)]
    if chance.random() < 0.5:
        storm.append(Trouble("suspended_after", "push", nth, round(chance.uniform(91, 400), 1)))
    if chance.random() < 0.3:
        storm.append(Trouble(third, "push", nth + 2))
    return storm


def _trouble(chance: Random, kind: str) -> list[Trouble]:
    """One trouble of a kind; where it needs another to come about at all, both."""
    places = KINDS[kind].places
    if places in ((RING,), (NOTICE,)):
        return [Trouble(kind, "", int(chance.expovariate(1 / 3)), round(chance.uniform(20, 600), 1))]
    if kind == "token_reply_lost":
        first = int(chance.expovariate(1 / 60))
        return [Trouble("token_race", "", first), Trouble(kind, "", 0)]
    role = chance.choices(("push", "pull", "sweep", "person", ""), (11, 4, 4, 1, 2))[0]
    if SEND in places or REPLY in places:
        role = role if role in ("push", "pull", "sweep") else ""
    if kind == "suspended_unsent":
        role = "push"
    mean = 4 if kind == "suspended_unsent" or places in ((SEND,), (REPLY,)) else 18
    seconds = {
        "suspended": (95, 160, 420, 900),
        "suspended_sending": (95, 150, 220),
        "suspended_after": (95, 200, 420),
        "suspended_unsent": (120, 560, 700, 800),
        "clock_jump": (30, 120, 400, 1200),
        "down": (60, 200, 400, 600),
    }
    lasting = chance.choice(seconds.get(kind, (0,))) + (chance.random() * 20 if kind in seconds else 0)
    return [Trouble(kind, role, int(chance.expovariate(1 / mean)), round(lasting, 1))]
