"""What follows a refused charge: try again on set days, or ask the client, by the bank's reason.

Soft refusals (no money today, try again) are tried on days 0, 3, 7 and 14; plain payment intents get no retries from
Stripe, and Visa forbids more than fifteen in thirty days. A hard refusal (closed, stolen, not allowed) is never tried
again with the same card: the client gets a link at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

#: Days after the first refusal on which a soft one is tried again.
DAYS = (0, 3, 7, 14)

#: Reasons no second try can mend (docs.stripe.com/declines/codes; for debits docs.stripe.com/error-codes).
HARD = frozenset(
    "lost_card stolen_card pickup_card restricted_card expired_card incorrect_number invalid_number incorrect_cvc "
    "invalid_cvc invalid_account new_account_information_available card_not_supported currency_not_supported "
    "fraudulent merchant_blacklist revocation_of_all_authorizations revocation_of_authorization stop_payment_order "
    "transaction_not_allowed security_violation account_closed no_account bank_account_closed debit_not_authorized "
    "bank_account_restricted invalid_account_number charge_exceeds_transaction_limit test_mode_live_card".split()
)


class Kind(StrEnum):
    """What a reason means for the next try."""

    SOFT = "soft"
    HARD = "hard"
    STEP = "step"


@dataclass(frozen=True)
class Failure:
    """One refused charge: the day, and the bank's reason."""

    on: date
    code: str


def kind_of(code: str) -> Kind:
    """Whether a refusal may be tried again, never, or needs the client to prove who they are."""
    if code == "authentication_required":
        return Kind.STEP
    return Kind.HARD if code in HARD else Kind.SOFT


def next_try(failures: Sequence[Failure]) -> date | None:
    """The day of the next try after these refusals of one method, oldest first. None when the client must act.

    With no refusal yet the first try may be made on any day: ``date.min``.
    """
    if not failures:
        return date.min
    if any(kind_of(f.code) is not Kind.SOFT for f in failures) or len(failures) >= len(DAYS):
        return None
    return failures[0].on + timedelta(days=DAYS[len(failures)])
