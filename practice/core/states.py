"""Every state a page may show: its words, its tone and its icon, in one table, so that a word has one colour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """How one state looks: the words, the tone (ok, wait, bad, info or plain) and the icon."""

    words: str
    tone: str
    icon: str


_TABLE: dict[str, tuple[str, str, str]] = {
    "draft": ("Draft", "", "dots"),
    "review": ("In review", "info", "eye"),
    "sent": ("Sent", "info", "mail"),
    "viewed": ("Viewed", "info", "eye"),
    "accepted": ("Signed", "ok", "check"),
    "declined": ("Declined", "bad", "alert"),
    "expired": ("Ended unsigned", "bad", "alert"),
    "withdrawn": ("Withdrawn", "", "dots"),
    "active": ("In force", "ok", "check"),
    "ending": ("Ending", "wait", "clock"),
    "ended": ("Ended", "", "dots"),
    "paused": ("Paused", "wait", "pause"),
    "planned": ("Planned", "", "clock"),
    "held": ("On hold", "wait", "pause"),
    "skipped": ("Skipped", "", "dots"),
    "billed": ("Billed", "ok", "check"),
    "issued": ("Issued", "info", "mail"),
    "open": ("Open", "info", "clock"),
    "overdue": ("Overdue", "bad", "alert"),
    "part_paid": ("Part paid", "wait", "clock"),
    "paid": ("Paid", "ok", "check"),
    "credited": ("Credited", "", "check"),
    "void": ("Void", "", "dots"),
    "processing": ("On its way", "wait", "clock"),
    "succeeded": ("Paid", "ok", "check"),
    "failed": ("Failed", "bad", "alert"),
    "returned": ("Returned", "bad", "alert"),
    "replaced": ("Returned, replaced", "", "dots"),
    "refunded": ("Refunded", "", "check"),
    "disputed": ("Disputed", "bad", "alert"),
    "agrees": ("Agrees", "ok", "check"),
    "waiting": ("Waiting", "wait", "clock"),
    "sending": ("Sending", "info", "clock"),
    "differs": ("Differs", "bad", "alert"),
    "refused": ("Refused", "bad", "alert"),
    "gone": ("Removed there", "bad", "alert"),
    "unknown": ("Checking", "wait", "clock"),
    "off": ("Not synced", "", "dots"),
    "connecting": ("Connecting", "wait", "clock"),
    "matching": ("Matching", "wait", "clock"),
    "live": ("Connected", "ok", "check"),
    "silent": ("Not answering", "wait", "clock"),
    "disconnected": ("Disconnected", "bad", "alert"),
    "archived": ("Archived", "", "dots"),
    "needs_action": ("Needs a step", "wait", "alert"),
    "in_transit": ("In transit", "wait", "clock"),
    "arrived": ("Arrived", "ok", "check"),
}


def look(name: str) -> Look:
    """The look of a state. Raises KeyError for one that is not in the table."""
    return Look(*_TABLE[name])
