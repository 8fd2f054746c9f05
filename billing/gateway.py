"""The door to Stripe, and the only module that knows its SDK.

Every call carries the pinned API version, a time limit and, where it writes, an idempotency key that its caller has
stored before. The SDK never retries by itself: retrying belongs to our rows. What comes back are the frozen values of
:mod:`billing.stripe_facts`; what fails, fails in one of four ways.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import stripe
from django.conf import settings

from billing.models import StripeAccount
from billing.stripe_facts import (
    AccountFacts,
    ChargeFacts,
    Declined,
    DisputeFacts,
    FeeDetail,
    IntentFacts,
    MethodFacts,
    MovementFacts,
    Notice,
    OutcomeUnknown,
    PayoutFacts,
    RefundFacts,
    Refused,
    TryLater,
)
from practice.core import clock, network
from practice.core.money import from_minor_units, minor_units

API_VERSION = "2026-10-28.endive"
REAL_BASE = "https://api.stripe.com"
TIMEOUT_SECONDS = 20
#: How old a signed notice may be, as the SDK's own default (stripe.Webhook.DEFAULT_TOLERANCE).
NOTICE_SECONDS = 300
#: What an endpoint is told about; docs.stripe.com/api/events/types.
EVENTS = (
    "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing",
    "payment_intent.canceled", "charge.updated", "charge.refunded", "refund.created", "refund.updated", "refund.failed",
    "charge.dispute.created", "charge.dispute.closed", "charge.dispute.funds_reinstated", "payout.created",
    "payout.updated", "payout.paid", "payout.failed", "payout.canceled", "payout.reconciliation_completed",
    "setup_intent.succeeded", "payment_method.detached",
)  # fmt: skip
_EXPAND_PAYMENT = ["payment_method", "latest_charge.balance_transaction"]
_EXPAND_SETUP = ["payment_method"]
_REQUEST_ERRORS = (
    stripe.IdempotencyError, stripe.InvalidRequestError, stripe.AuthenticationError, stripe.PermissionError,
)  # fmt: skip


class KeyMisplaced(ValueError):
    """A live key would go to a sandbox, or a test key into production; the text says which."""


def check_key(secret_key: str) -> None:
    """Refuse a key that does not belong to the address it would be sent to. Raises KeyMisplaced."""
    is_live, is_real = "_live_" in secret_key, settings.STRIPE_API_BASE == REAL_BASE
    if not secret_key.startswith(("sk_", "rk_")):
        raise KeyMisplaced("This is not a Stripe secret key: it begins with sk_ or rk_")
    if is_live and not is_real:
        raise KeyMisplaced(f"This is a live key, but payments here go to {urlsplit(settings.STRIPE_API_BASE).netloc}")
    if is_real and not is_live and settings.PRODUCTION and not settings.SANDBOX:
        raise KeyMisplaced("This is a test key: no money would move. Use the live key, or set SANDBOX=1")


def read_notice(payload: bytes, signature: str, secret: str) -> Notice | None:
    """The notice in a webhook's raw body, or None when its signature does not fit or is too old.

    docs.stripe.com/webhooks, "Verify manually"; the time is our clock's, so that a demo may move it.
    """
    try:
        stripe.WebhookSignature.verify_header(payload, signature, secret)
        stamp = int(signature.partition("t=")[2].partition(",")[0])
        notice = _notice(json.loads(payload))
    except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if abs(clock.now().timestamp() - stamp) > NOTICE_SECONDS:
        return None
    return notice


class Gateway:
    """One account's door. Every method raises TryLater, Declined, Refused or OutcomeUnknown."""

    def __init__(self, secret_key: str) -> None:
        check_key(secret_key)
        self._v1 = stripe.StripeClient(
            secret_key,
            base_addresses={"api": settings.STRIPE_API_BASE},
            max_network_retries=0,
            stripe_version=API_VERSION,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS, session=network.mount(requests.Session())),
        ).v1

    def account(self) -> AccountFacts:
        """Who this account is."""
        row = _read(self._v1.accounts.retrieve_current)
        name = row.get("business_profile", {}).get("name") or row["id"]
        currency = str(row["default_currency"]).upper()
        return AccountFacts(row["id"], row["country"], currency, name)

    def add_webhook(self, url: str, key: str) -> tuple[str, str]:
        """Register an address for notices, pinned to our version. Returns its id and its secret, shown this once."""
        wanted = {"url": url, "enabled_events": list(EVENTS), "api_version": API_VERSION}
        row = _write(lambda: self._v1.webhook_endpoints.create(wanted, _key(key)))
        return row["id"], row["secret"]

    def remove_webhook(self, ref: str) -> None:
        """Forget an address."""
        _write(lambda: self._v1.webhook_endpoints.delete(ref))

    def create_customer(self, *, name: str, email: str, metadata: Mapping[str, str], key: str) -> str:
        """A customer for a client. Returns its id."""
        wanted = {"name": name, "metadata": dict(metadata), **({"email": email} if email else {})}
        return str(_write(lambda: self._v1.customers.create(wanted, _key(key)))["id"])

    def create_payment(
        self,
        *,
        amount: Decimal,
        currency: str,
        customer_ref: str,
        kinds: Sequence[str],
        description: str,
        metadata: Mapping[str, str],
        key: str,
        keep_method: bool,
    ) -> IntentFacts:
        """A payment intent that nobody has confirmed yet: it takes no money by itself."""
        wanted: dict[str, Any] = {
            "amount": minor_units(amount),
            "currency": currency.lower(),
            "customer": customer_ref,
            # "allowed_payment_method_types" stands in for payment_method_types since dahlia (2026-07-29).
            "allowed_payment_method_types": list(kinds),
            "description": description,
            "metadata": dict(metadata),
            **({"setup_future_usage": "off_session"} if keep_method else {}),
        }
        return _intent(_write(lambda: self._v1.payment_intents.create(wanted, _key(key))))

    def confirm_payment(self, ref: str, *, method_ref: str, key: str) -> IntentFacts:
        """Take the money from a saved method while nobody is there."""
        wanted = {"payment_method": method_ref, "off_session": True, "expand": _EXPAND_PAYMENT}
        return _intent(_write(lambda: self._v1.payment_intents.confirm(ref, wanted, _key(key))))

    def payment(self, ref: str) -> IntentFacts:
        """A payment intent as it is now."""
        return _intent(_read(lambda: self._v1.payment_intents.retrieve(ref, {"expand": _EXPAND_PAYMENT})))

    def cancel_payment(self, ref: str) -> IntentFacts:
        """Make sure that an intent never takes money. Raises Refused when it is on its way already."""
        return _intent(_write(lambda: self._v1.payment_intents.cancel(ref)))

    def find_payment(self, customer_ref: str, name: str, value: str) -> IntentFacts | None:
        """The customer's newest intent that carries a piece of metadata; lists have no delay, searches have."""
        rows = _read(lambda: self._v1.payment_intents.list({"customer": customer_ref, "limit": 100}))["data"]
        found = next((row for row in rows if row["metadata"].get(name) == value), None)
        return self.payment(found["id"]) if found else None

    def create_setup(
        self, *, customer_ref: str, kinds: Sequence[str], metadata: Mapping[str, str], key: str
    ) -> IntentFacts:
        """An intent to save a method for later."""
        wanted = {
            "customer": customer_ref,
            "usage": "off_session",
            "allowed_payment_method_types": list(kinds),
            "metadata": dict(metadata),
        }
        return _intent(_write(lambda: self._v1.setup_intents.create(wanted, _key(key))))

    def setup(self, ref: str) -> IntentFacts:
        """A set-up intent as it is now."""
        return _intent(_read(lambda: self._v1.setup_intents.retrieve(ref, {"expand": _EXPAND_SETUP})))

    def refund(self, *, charge_ref: str, amount: Decimal, metadata: Mapping[str, str], key: str) -> RefundFacts:
        """Give money back."""
        wanted = {"charge": charge_ref, "amount": minor_units(amount), "metadata": dict(metadata)}
        return _refund(_write(lambda: self._v1.refunds.create(wanted, _key(key))))

    def refund_now(self, ref: str) -> RefundFacts:
        """A refund as it is now."""
        return _refund(_read(lambda: self._v1.refunds.retrieve(ref)))

    def find_refund(self, charge_ref: str, name: str, value: str) -> RefundFacts | None:
        """The charge's refund that carries a piece of metadata; a charge has few."""
        rows = self._every(self._v1.refunds.list, {"charge": charge_ref})
        return next((_refund(row) for row in rows if row["metadata"].get(name) == value), None)

    def dispute(self, ref: str) -> DisputeFacts:
        """A dispute as it is now."""
        row = _read(lambda: self._v1.disputes.retrieve(ref))
        return DisputeFacts(
            row["id"], row["status"], _amount(row), row["charge"], row["reason"], _moment(row["created"]),
            row.get("payment_intent") or "",
        )  # fmt: skip

    def movements_since(self, moment: datetime) -> Iterator[MovementFacts]:
        """Every movement of the balance made at a moment or later, newest first."""
        asked = {"created": {"gte": int(moment.timestamp())}}
        return (_movement(row) for row in self._every(self._v1.balance_transactions.list, asked))

    def movements_of(self, payout_ref: str) -> list[MovementFacts]:
        """What an automatic payout is made of; complete once its reconciliation is.

        docs.stripe.com/payouts/reconciliation.
        """
        return [_movement(row) for row in self._every(self._v1.balance_transactions.list, {"payout": payout_ref})]

    def payout(self, ref: str) -> PayoutFacts:
        """A payout as it is now."""
        row = _read(lambda: self._v1.payouts.retrieve(ref))
        return PayoutFacts(
            ref=row["id"],
            status=row["status"],
            amount=_amount(row),
            currency=row["currency"].upper(),
            made_at=_moment(row["created"]),
            # The arrival date is a day, written as its midnight in UTC: no time zone may move it.
            arrives_on=_moment(row["arrival_date"]).date(),
            words=row.get("statement_descriptor") or row.get("description") or "STRIPE PAYOUT",
            automatic=bool(row["automatic"]),
            is_itemised=row.get("reconciliation_status") == "completed",
            failure=row.get("failure_message") or "",
        )

    def notices_after(self, ref: str, *, since: datetime) -> list[Notice]:
        """Up to a hundred notices after one (or since a moment), oldest first; Stripe keeps them for thirty days."""
        asked: dict[str, Any] = {"limit": 100, "types": list(EVENTS)}
        asked |= {"ending_before": ref} if ref else {"created": {"gte": int(since.timestamp())}}
        rows = _read(lambda: self._v1.events.list(asked))["data"]
        return [_notice(row) for row in reversed(rows)]

    def _every(self, listing: Callable[[dict[str, Any]], Any], asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        asked = {**asked, "limit": 100}
        while True:
            page = _read(partial(listing, asked))
            yield from page["data"]
            if not page["has_more"]:
                return
            asked = {**asked, "starting_after": page["data"][-1]["id"]}


def gateway_of(account: StripeAccount) -> Gateway:
    """The door of a connected account."""
    return Gateway(account.secret_key)


def _key(key: str) -> dict[str, str]:
    return {"idempotency_key": key}


def _read(call: Callable[[], Any]) -> dict[str, Any]:
    """A call that changes nothing: without an answer it may simply be asked again."""
    try:
        return _write(call)
    except OutcomeUnknown as error:
        raise TryLater(error.words, code=error.code, status=error.status) from error


def _write(call: Callable[[], Any]) -> dict[str, Any]:
    """Make a call and name its failure (docs.stripe.com/error-handling)."""
    try:
        answer: dict[str, Any] = call().to_dict()
        return answer
    except stripe.CardError as error:
        intent = (error.json_body or {}).get("error", {}).get("payment_intent") or {}
        code = _decline_code(error)
        raise Declined(_words(error), code=code, intent_ref=intent.get("id", ""), status=error.http_status) from error
    except stripe.RateLimitError as error:
        raise TryLater(_words(error), code=error.code or "rate_limit", status=429) from error
    except stripe.APIConnectionError as error:
        raise OutcomeUnknown("Stripe did not answer", code="no_answer") from error
    except _REQUEST_ERRORS as error:
        if error.http_status == 409:
            # A concurrent call with the same key, or a locked object (lock_timeout): nothing was done.
            raise TryLater(_words(error), code=error.code or "locked", status=409) from error
        if _is_bank_refusal(error):
            intent = (error.json_body or {}).get("error", {}).get("payment_intent") or {}
            raise Declined(_words(error), code=error.code or "", intent_ref=intent.get("id", ""), status=400) from error
        raise Refused(_words(error), code=error.code or "", status=error.http_status) from error
    except stripe.StripeError as error:
        raise OutcomeUnknown(_words(error), code="server_error", status=error.http_status) from error


def _is_bank_refusal(error: Any) -> bool:
    """A debit above its limit is refused as a request, yet it is the payer's affair, not ours to put right."""
    return str(error.code or "").startswith("charge_exceeds_")


def _decline_code(error: Any) -> str:
    body = (error.json_body or {}).get("error", {})
    return str(body.get("decline_code") or error.code or "card_declined")


def _words(error: Any) -> str:
    return str(error.user_message or error)[:300]


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)


def _amount(row: Mapping[str, Any]) -> Decimal:
    return from_minor_units(row["amount"])


def _notice(row: dict[str, Any]) -> Notice:
    subject = row["data"]["object"]
    return Notice(row["id"], row["type"], str(subject.get("id", "")), _moment(row["created"]), row)


def _intent(row: dict[str, Any]) -> IntentFacts:
    error = row.get("last_payment_error") or row.get("last_setup_error") or {}
    method = row.get("payment_method")
    return IntentFacts(
        ref=row["id"],
        status=row["status"],
        customer_ref=row.get("customer") or "",
        client_secret=row.get("client_secret") or "",
        amount=from_minor_units(row.get("amount") or 0),
        currency=(row.get("currency") or "").upper(),
        metadata=row.get("metadata") or {},
        method=_method(method) if isinstance(method, dict) else None,
        charge=_charge(row.get("latest_charge")),
        mandate_ref=row.get("mandate") or "",
        keeps_method=row.get("setup_future_usage") == "off_session" or row.get("usage") == "off_session",
        failure_code=str(error.get("decline_code") or error.get("code") or ""),
        failure=str(error.get("message") or ""),
    )


def _charge(row: Any) -> ChargeFacts | None:
    if not isinstance(row, dict):
        return None
    details = row.get("payment_method_details") or {}
    kind = details.get("type", "")
    movement = row.get("balance_transaction")
    return ChargeFacts(
        ref=row["id"],
        intent_ref=row.get("payment_intent") or "",
        made_at=_moment(row["created"]),
        settled_at=_moment(movement["created"]) if isinstance(movement, dict) else None,
        mandate_ref=(details.get(kind) or {}).get("mandate") or "",
    )


def _method(row: dict[str, Any]) -> MethodFacts:
    kind = row["type"]
    about = row.get(kind) or {}
    year, month = about.get("exp_year"), about.get("exp_month")
    return MethodFacts(
        ref=row["id"],
        kind=kind,
        customer_ref=row.get("customer") or "",
        brand=_brand(str(about.get("brand") or about.get("bank_name") or "")),
        last4=about.get("last4") or "",
        expires_on=_last_day(year, month) if year and month else None,
    )


def _brand(name: str) -> str:
    """A card's brand or an account's bank as people write it; Stripe writes brands in small letters."""
    known = {"amex": "American Express", "diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay"}
    return known.get(name, name if name != name.lower() else name.title())


def _last_day(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def _movement(row: dict[str, Any]) -> MovementFacts:
    return MovementFacts(
        ref=row["id"],
        category=row["reporting_category"],
        amount=_amount(row),
        fee=from_minor_units(row["fee"]),
        net=from_minor_units(row["net"]),
        currency=row["currency"].upper(),
        made_at=_moment(row["created"]),
        available_at=_moment(row["available_on"]),
        source_ref=str(row.get("source") or ""),
        fees=tuple(FeeDetail(d["type"], _amount(d), d.get("description") or "") for d in row.get("fee_details") or []),
    )


def _refund(row: dict[str, Any]) -> RefundFacts:
    return RefundFacts(
        ref=row["id"],
        status=row["status"],
        amount=_amount(row),
        charge_ref=row["charge"],
        metadata=row.get("metadata") or {},
        failure=row.get("failure_reason") or "",
        intent_ref=row.get("payment_intent") or "",
    )
