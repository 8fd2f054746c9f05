"""What Stripe's objects say, in our words: frozen values without an SDK type, and the four ways a call can fail.

Amounts are decimals in the object's own currency, currencies are upper case, moments aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

#: Stripe forgets idempotency keys after a day (docs.stripe.com/api/idempotent_requests); then we look instead.
KEY_LIVES = timedelta(hours=24)


class StripeError(Exception):
    """A call to Stripe that did not do what was asked; the class says what may be done about it."""

    def __init__(self, words: str, *, code: str = "", status: int | None = None) -> None:
        super().__init__(words)
        self.words, self.code, self.status = words, code, status


class TryLater(StripeError):
    """Rate limit or maintenance: nothing was done, the same call may succeed later."""


class Declined(StripeError):
    """The bank said no. ``code`` is the bank's reason; ``intent_ref`` the intent that stays open."""

    def __init__(self, words: str, *, code: str, intent_ref: str = "", status: int | None = None) -> None:
        super().__init__(words, code=code, status=status)
        self.intent_ref = intent_ref


class Refused(StripeError):
    """Stripe understood and refused: a key, a permission or a parameter must be put right by a person."""


class OutcomeUnknown(StripeError):
    """The call may or may not have landed; look before anything is sent again."""


@dataclass(frozen=True)
class AccountFacts:
    """A Stripe account as it describes itself."""

    ref: str
    country: str
    currency: str
    name: str


@dataclass(frozen=True)
class MethodFacts:
    """A card or bank account saved at Stripe."""

    ref: str
    kind: str
    customer_ref: str = ""
    brand: str = ""
    last4: str = ""
    expires_on: date | None = None


@dataclass(frozen=True)
class ChargeFacts:
    """One try of an intent to take money. ``settled_at`` is when Stripe's balance moved, once that is known."""

    ref: str
    intent_ref: str
    made_at: datetime
    settled_at: datetime | None = None
    mandate_ref: str = ""


@dataclass(frozen=True)
class IntentFacts:
    """A payment or set-up intent: what it wants, where it stands, and what went wrong last."""

    ref: str
    status: str
    customer_ref: str
    client_secret: str = ""
    amount: Decimal = Decimal("0.00")
    currency: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    method: MethodFacts | None = None
    charge: ChargeFacts | None = None
    mandate_ref: str = ""
    keeps_method: bool = False
    failure_code: str = ""
    failure: str = ""


@dataclass(frozen=True)
class FeeDetail:
    """One part of a fee: Stripe's own, or the tax on it."""

    kind: str
    amount: Decimal
    words: str


@dataclass(frozen=True)
class MovementFacts:
    """One movement of the Stripe balance: net = amount - fee, always."""

    ref: str
    category: str
    amount: Decimal
    fee: Decimal
    net: Decimal
    currency: str
    made_at: datetime
    available_at: datetime
    source_ref: str
    fees: tuple[FeeDetail, ...] = ()


@dataclass(frozen=True)
class PayoutFacts:
    """Money on its way to the bank, or back from it when negative."""

    ref: str
    status: str
    amount: Decimal
    currency: str
    made_at: datetime
    arrives_on: date
    words: str
    automatic: bool
    is_itemised: bool
    failure: str = ""


@dataclass(frozen=True)
class RefundFacts:
    """Money given back."""

    ref: str
    status: str
    amount: Decimal
    charge_ref: str
    metadata: Mapping[str, str]
    failure: str = ""
    intent_ref: str = ""


@dataclass(frozen=True)
class DisputeFacts:
    """A payer's bank asking for money back."""

    ref: str
    status: str
    amount: Decimal
    charge_ref: str
    reason: str
    made_at: datetime
    intent_ref: str = ""


@dataclass(frozen=True)
class Notice:
    """An event: what happened to which object. The body is a hint, the object is fetched again."""

    ref: str
    type: str
    object_ref: str
    made_at: datetime
    body: Mapping[str, object]
