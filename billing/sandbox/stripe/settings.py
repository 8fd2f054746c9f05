"""How an account behaves where Stripe leaves a choice, and where no source says what Stripe does: one switch each.

The defaults take the less kind reading. ``docs/sandboxes/stripe.md`` lists every switch with the rule it turns; they
are turned by ``StripeSandbox.configure`` or over ``/_sandbox/settings``.
"""

from __future__ import annotations

from typing import Any

from billing.sandbox.stripe.wire import Row

DEFAULTS: Row = {
    # Days and seconds. Live mode's, not those of test mode, in which a debit settles in minutes.
    "capture_delay": 1.5,
    "debit_days": {"au_becs_debit": 3, "us_bank_account": 4, "sepa_debit": 5},
    "late_return_days": 2,
    "refund_days": 3,
    "retry_first": 60,
    "settle_days": 2,
    "arrival_days": 2,
    "authorization_days": 7,
    "search_lag": 60,
    # The merchant's own account.
    "payouts": "daily",
    "debit_negative_balances": True,
    "debit_limit": {"au_becs_debit": 1_000_000},
    "debit_weekly_limit": {"au_becs_debit": 1_000_000},
    "calls_a_second": 0,
    # What no source confirms.
    "attach_debits": False,
    "browser_sees_all": False,
    "cancel_processing": False,
    "contest_debits": False,
    "countered_fee": True,
    "debit_attached_at_once": True,
    "debit_capture_later": True,
    "debits_apart": False,
    "debit_dispute_reason": "debit_not_authorized",
    "future_usage_off_session": False,
    "limits_at_once": True,
    "manual_beside_daily": False,
    "off_session_unattached": False,
    "payout_row_listed": True,
    "refund_after_win": False,
    "repeat_decline_codes": True,
    "tax_itemised": True,
}


def fresh() -> Row:
    """The settings of a new account."""
    return {name: dict(value) if isinstance(value, dict) else value for name, value in DEFAULTS.items()}


def changed(settings: Row, given: Row) -> Row:
    """The settings with some turned. Raises KeyError for one nobody knows, ValueError for a value of another kind."""
    if unknown := set(given) - set(DEFAULTS):
        raise KeyError(f"unknown settings: {', '.join(sorted(unknown))}")
    for name, value in given.items():
        if not _fits(DEFAULTS[name], value):
            raise ValueError(f"{name} cannot be {value!r}: give something like {DEFAULTS[name]!r}")
    return {**settings, **given}


def _fits(like: Any, value: Any) -> bool:
    if isinstance(like, bool):
        return isinstance(value, bool)
    if isinstance(like, int | float):
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10_000
    if isinstance(like, dict):
        return isinstance(value, dict) and all(isinstance(each, int) and each >= 0 for each in value.values())
    return isinstance(value, str)
