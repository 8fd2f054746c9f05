"""Payment methods: cards from the browser or by magic name, and bank accounts (docs.stripe.com/api/payment_methods)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

from billing.sandbox.stripe import accounts, cards
from billing.sandbox.stripe.books import Books, merge_metadata
from billing.sandbox.stripe.wire import Refused, Row, missing

TYPES = ("card", "au_becs_debit", "us_bank_account", "sepa_debit")
_RAW_CARDS = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test tokens that "
    "map to the test card you are using, see https://stripe.com/docs/testing."
)
_USED_UP = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use "
    "a PaymentMethod multiple times, you must attach it to a Customer first."
)


def create(books: Books, params: Row) -> Row:
    """Make a payment method, attached to nobody. Raises Refused."""
    kind = params.get("type")
    if kind is None:
        raise Refused("Missing required param: type.", code="parameter_missing", param="type", early=True)
    if kind not in TYPES:
        raise Refused(f"The payment method type {kind} is not played by this sandbox.", param="type", early=True)
    shown, number = _READERS[kind](books, params.get(kind))
    return _make(books, kind, shown, number, params)


def find(books: Books, key: str, param: str = "payment_method") -> Row:
    """A payment method, made on the spot for a magic name. Raises Refused."""
    if number := cards.MAGIC.get(key):
        return _make(books, "card", _card(number, 12, books.at.year + 4), number, {})
    if key in cards.MAGIC_ACCOUNTS:
        kind, number = cards.MAGIC_ACCOUNTS[key]
        if kind not in accounts.methods(books.account, books.account["currency"]):
            raise missing("payment_method", key, param)
        details = {"billing_details": {"name": "Jenny Rosen", "email": "jenny@example.test"}}
        row = _make(books, kind, _MAGIC[kind](number), number, details)
        row["_verified"] = True
        return books.save(row)
    return books.find("payment_method", key, param)


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One payment method. Raises Refused."""
    return books.find("payment_method", key)


def update(books: Books, params: Row, key: str) -> Row:
    """Change billing details, expiry or metadata of an attached one. Raises Refused."""
    row = books.find("payment_method", key)
    if row["customer"] is None:
        raise Refused(
            "You must save this PaymentMethod to a customer before you can update it.",
            code="resource_missing",
            param="payment_method",
        )
    _details(row, params.get("billing_details"))
    for name in ("exp_month", "exp_year"):
        if row["type"] == "card" and name in (params.get("card") or {}):
            row["card"][name] = params["card"][name]
    merge_metadata(row, params.get("metadata"))
    books.save(row)
    books.emit("payment_method.updated", row, {})
    return row


def listing(books: Books, params: Row) -> Row:
    """The methods attached to a customer. Raises Refused for an unknown customer."""
    if params.get("customer"):
        books.find("customer", params["customer"], "customer")
    return _of_customer(books, params, params.get("customer"), "/v1/payment_methods")


def of_customer(books: Books, params: Row, key: str) -> Row:
    """The methods attached to the customer in the path. Raises Refused."""
    books.find("customer", key)
    return _of_customer(books, params, key, f"/v1/customers/{key}/payment_methods")


def one_of_customer(books: Books, params: Row, key: str, method: str) -> Row:
    """One method of the customer in the path. Raises Refused."""
    books.find("customer", key)
    row = books.find("payment_method", method)
    if row["customer"] != key:
        raise Refused(f"No such PaymentMethod: '{method}'", status=404, code="resource_missing", param="payment_method")
    return row


def attach(books: Books, params: Row, key: str) -> Row:
    """Save a method for a customer; declined cards are refused here too (docs.stripe.com/testing). Raises Refused."""
    if "customer" not in params:
        # Recorded (Kiln-AI/stripe_world, cassette 06), as are the words of a method that cannot be detached.
        raise Refused("Must provide customer or customer_account.", code="parameter_missing", early=True)
    customer = books.find("customer", params["customer"], "customer")
    if customer.get("deleted"):
        raise Refused(f"No such customer: '{customer['id']}'", code="resource_missing", param="customer")
    row = find(books, key, "id")
    if row["customer"] == customer["id"]:
        return row
    if row["customer"]:
        raise Refused(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    usable(row)
    if row["type"] != "card" and not books.settings["attach_debits"]:
        # Debits are attached by an intent that takes the mandate; that plain attaching is refused is unsure.
        raise Refused(
            f"A payment method of type {row['type']} must be attached by confirming a SetupIntent or PaymentIntent.",
            code="payment_method_unexpected_state",
        )
    card = cards.known(row["_number"])
    if row["type"] == "card" and card.code and not card.attaches:
        raise declined(books, row, card)
    return attached(books, row, customer["id"])


def attached(books: Books, row: Row, customer: str) -> Row:
    """Attach without asking, as a confirmed intent does."""
    if row["customer"] == customer:
        return row
    row["customer"] = customer
    if row["type"] == "card":
        # Attaching asks the bank once (recorded: Kiln-AI/stripe_world, cassette 06).
        row["card"]["checks"]["cvc_check"] = "pass"
    books.save(row)
    books.emit("payment_method.attached", row)
    return row


def detach(books: Books, params: Row, key: str) -> Row:
    """Take a method from its customer for good. Raises Refused."""
    row = books.find("payment_method", key)
    if row["customer"] is None:
        raise Refused(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            early=True,
        )
    before, row["customer"], row["_used_up"] = row["customer"], None, True
    books.save(row)
    books.emit("payment_method.detached", row, {"customer": before})
    return row


def usable(row: Row) -> None:
    """Raise Refused for a method that was used once without a customer, or detached."""
    if row.get("_used_up"):
        raise Refused(_USED_UP, param="payment_method")


def declined(books: Books, row: Row, card: cards.Card, **about: Any) -> Refused:
    """The error of a declined card (docs.stripe.com/declines/codes).

    Where the error's own code says it all, docs.stripe.com/testing gives no decline code; recorded test-mode answers
    repeat it, and name ``exp_month`` for an expired card (Kiln-AI/stripe_world, cassette 10): ``repeat_decline_codes``.
    """
    repeated = card.code if books.settings["repeat_decline_codes"] else None
    message = cards.MESSAGES.get(card.decline if card.decline in cards.MESSAGES else card.code, "")
    return Refused(
        message or cards.MESSAGES["card_declined"],
        status=402,
        type="card_error",
        code=card.code,
        decline_code=card.decline or repeated,
        param={"incorrect_cvc": "cvc", "expired_card": "exp_month"}.get(card.code),
        **about,
    )


def _of_customer(books: Books, params: Row, customer: str | None, path: str) -> Row:
    kind = params.get("type")
    return books.listing(
        "payment_method",
        params,
        path,
        lambda row: row["customer"] is not None and row["customer"] == customer and kind in (None, row["type"]),
    )


def _make(books: Books, kind: str, shown: Row, number: str, params: Row) -> Row:
    row = books.new(
        "payment_method",
        "pm_",
        {
            "allow_redisplay": params.get("allow_redisplay", "unspecified"),
            "billing_details": {
                "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
                "email": None,
                "name": None,
                "phone": None,
                "tax_id": None,
            },
            "customer": None,
            "customer_account": None,
            "metadata": {},
            "type": kind,
            kind: shown,
            "_number": number,
            "_verified": books.browser,
            "_set_up": False,
            "_used_up": False,
        },
    )
    _details(row, params.get("billing_details"))
    if kind != "card":
        _require_details(row, ("name",) if kind == "us_bank_account" else ("name", "email"))
    merge_metadata(row, params.get("metadata"))
    return books.save(row)


def _details(row: Row, given: Any) -> None:
    for name, value in (given or {}).items():
        if name == "address" and isinstance(value, dict):
            row["billing_details"]["address"] |= {key: each or None for key, each in value.items()}
        else:
            row["billing_details"][name] = value or None


def _require_details(row: Row, names: tuple[str, ...]) -> None:
    """Debits need a name, BECS and SEPA also an e-mail for the notices (docs: each method's "Collect details")."""
    for name in names:
        if not row["billing_details"][name]:
            raise Refused(
                f"Missing required param: billing_details[{name}].",
                code="parameter_missing",
                param=f"billing_details[{name}]",
                early=True,
            )


def _fingerprint(number: str) -> str:
    return hashlib.sha256(f"fingerprint:{number}".encode()).hexdigest()[:16]


def _card(number: str, month: int, year: int) -> Row:
    card = cards.known(number)
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": _fingerprint(number),
        "funding": card.funding,
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _read_card(books: Books, given: Any) -> tuple[Row, str]:
    given = _required(given, "card", ("number", "exp_month", "exp_year"))
    if not books.browser:
        raise Refused(_RAW_CARDS, status=402, type="card_error")
    number = re.sub(r"\D", "", given["number"])
    if not 13 <= len(number) <= 19 or not cards.luhn(number):
        raise _card_error("Your card number is incorrect.", "incorrect_number", "number")
    year = given["exp_year"] + 2000 if given["exp_year"] < 100 else given["exp_year"]
    if not 1 <= given["exp_month"] <= 12:
        raise _card_error("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
    if (year, given["exp_month"]) < (books.at.year, books.at.month) or year > books.at.year + 50:
        raise _card_error("Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year")
    if not re.fullmatch(r"\d{3,4}", given.get("cvc", "000")):
        raise _card_error("Your card's security code is invalid.", "invalid_cvc", "cvc")
    card = cards.known(number)
    if card.decline == "test_mode_live_card":
        raise Refused(
            "Your card was declined. Your request was in test mode, but used a non test (live) card.",
            status=402,
            type="card_error",
            code="card_declined",
            decline_code="test_mode_live_card",
        )
    return _card(number, given["exp_month"], year), number


def _read_becs(books: Books, given: Any) -> tuple[Row, str]:
    given = _required(given, "au_becs_debit", ("bsb_number", "account_number"))
    bsb = re.sub(r"[\s-]", "", given["bsb_number"])
    if not re.fullmatch(r"\d{6}", bsb):
        raise Refused(
            "The BSB number is invalid; it should have six digits.",
            code="invalid_bsb_number",
            param="au_becs_debit[bsb_number]",
            early=True,
        )
    number = _digits(given["account_number"], r"\d{5,9}", "au_becs_debit[account_number]")
    return _becs_account(number, bsb), number


def _read_us_account(books: Books, given: Any) -> tuple[Row, str]:
    given = _required(given, "us_bank_account", ("routing_number", "account_number"))
    routing = given["routing_number"]
    weights = (3, 7, 1) * 3
    if not re.fullmatch(r"\d{9}", routing) or sum(w * int(d) for w, d in zip(weights, routing, strict=True)) % 10:
        raise Refused(
            "The routing number is invalid.",
            code="routing_number_invalid",
            param="us_bank_account[routing_number]",
            early=True,
        )
    number = _digits(given["account_number"], r"\d{4,17}", "us_bank_account[account_number]")
    if given.get("account_holder_type", "individual") not in ("individual", "company"):
        raise Refused(
            "Invalid us_bank_account[account_holder_type]: must be one of individual or company",
            param="us_bank_account[account_holder_type]",
            early=True,
        )
    return _us_account(routing, number, given), number


def _us_account(routing: str, number: str, given: Row) -> Row:
    return {
        "account_holder_type": given.get("account_holder_type", "individual"),
        "account_type": given.get("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": _fingerprint(routing + number),
        "last4": number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": routing,
        "status_details": {},
    }


def _read_sepa(books: Books, given: Any) -> tuple[Row, str]:
    given = _required(given, "sepa_debit", ("iban",))
    iban = re.sub(r"\s", "", given["iban"]).upper()
    turned = (
        "".join(str(int(c, 36)) for c in iban[4:] + iban[:4]) if re.fullmatch(r"[A-Z]{2}\d{2}\w{8,30}", iban) else ""
    )
    # The published test IBANs differ only in their last digits and do not all carry true check digits.
    if iban not in cards.BANK_ACCOUNTS["sepa_debit"] and (not turned.isascii() or not turned or int(turned) % 97 != 1):
        raise Refused(
            "The IBAN you provided is invalid.", code="invalid_bank_account_iban", param="sepa_debit[iban]", early=True
        )
    if refused := cards.BANK_ACCOUNTS["sepa_debit"].get(iban, cards.BankAccount()).refused:
        raise Refused(cards.BANK_MESSAGES[refused], code=refused, param="sepa_debit[iban]", early=True)
    return _sepa_account(iban), iban


def _sepa_account(iban: str) -> Row:
    return {
        "bank_code": iban[4:12],
        "branch_code": "",
        "country": iban[:2],
        "fingerprint": _fingerprint(iban),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": iban[-4:],
    }


def _becs_account(number: str, bsb: str = "000000") -> Row:
    return {"bsb_number": bsb, "fingerprint": _fingerprint(bsb + number), "last4": number[-4:]}


_MAGIC: dict[str, Callable[[str], Row]] = {
    "au_becs_debit": _becs_account,
    "us_bank_account": lambda number: _us_account("110000000", number, {}),
    "sepa_debit": _sepa_account,
}
_READERS = {
    "card": _read_card,
    "au_becs_debit": _read_becs,
    "us_bank_account": _read_us_account,
    "sepa_debit": _read_sepa,
}


def _required(given: Any, kind: str, names: tuple[str, ...]) -> Row:
    fields = given if isinstance(given, dict) else {}
    for name in names:
        if not fields.get(name):
            raise Refused(
                f"Missing required param: {kind}[{name}].",
                code="parameter_missing",
                param=f"{kind}[{name}]",
                early=True,
            )
    return fields


def _digits(value: str, pattern: str, param: str) -> str:
    number = re.sub(r"[\s-]", "", value)
    if not re.fullmatch(pattern, number, re.ASCII):
        raise Refused("The account number is invalid.", code="account_number_invalid", param=param, early=True)
    return number


def _card_error(message: str, code: str, param: str) -> Refused:
    return Refused(message, status=402, type="card_error", code=code, param=param)
