"""The sandbox's merchants: one Stripe account each, with its keys, its country's tariff and its settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from billing.sandbox.stripe import settings
from billing.sandbox.stripe.wire import Refused, Row

#: What a restricted key may do. Stripe asks self-hosted applications for such a key with only what they need
#: (docs.stripe.com/keys, "Restricted API keys"); which endpoint belongs to which permission is partly unsure.
RESTRICTED = {
    "customers": "write",
    "payment_methods": "write",
    "setup_intents": "write",
    "payment_intents": "write",
    "mandates": "read",
    "charges": "read",
    "refunds": "write",
    "disputes": "read",
    "balance": "read",
    "balance_transactions": "read",
    "payouts": "read",
    "events": "read",
    "webhook_endpoints": "write",
    "account": "read",
}


@dataclass(frozen=True)
class Tariff:
    """Fees in cents and per mille; placeholders, not Stripe's price list, except that AU prices include GST."""

    card: tuple[int, int]
    debit: tuple[int, int]
    debit_cap: int
    dispute: int
    countered: int
    tax_included: int = 0


#: stripe.com/pricing changes and is negotiable: every number here is ours, their shape is not. GST inside the
#: Australian fee: support.stripe.com, "GST on Stripe fees"; that it is itemised as ``tax`` is unsure.
TARIFFS = {
    "AU": Tariff(card=(17, 30), debit=(10, 30), debit_cap=350, dispute=2500, countered=2500, tax_included=10),
    "US": Tariff(card=(29, 30), debit=(8, 0), debit_cap=500, dispute=1500, countered=1500),
    "GB": Tariff(card=(15, 20), debit=(10, 20), debit_cap=400, dispute=2000, countered=2000),
    "NZ": Tariff(card=(27, 30), debit=(10, 30), debit_cap=350, dispute=2500, countered=2500),
    "DE": Tariff(card=(15, 25), debit=(8, 30), debit_cap=600, dispute=2000, countered=2000),
}

#: Payment methods by presentment currency (docs.stripe.com/payments/payment-methods/payment-method-support).
BY_CURRENCY = {"aud": "au_becs_debit", "usd": "us_bank_account", "eur": "sepa_debit"}
HOME_CURRENCY = {"AU": "aud", "US": "usd", "GB": "gbp", "NZ": "nzd", "DE": "eur"}


def account(name: str, *, country: str, business: str, seed: int, currency: str | None = None) -> Row:
    """A new account's row; its keys follow from its name and the seed."""
    if country not in TARIFFS:
        raise ValueError(f"no tariff for {country}; known: {', '.join(TARIFFS)}")

    def key(kind: str) -> str:
        return f"{kind}_test_" + hashlib.sha256(f"{seed}:{name}:{kind}".encode()).hexdigest()[:24]

    return {
        "id": name,
        "business": business,
        "country": country,
        "currency": currency or HOME_CURRENCY[country],
        "secret_key": key("sk"),
        "restricted_key": key("rk"),
        "publishable_key": key("pk"),
        "permissions": dict(RESTRICTED),
        "settings": settings.fresh(),
    }


def tariff(row: Row) -> Tariff:
    """The tariff of an account's country."""
    return TARIFFS[row["country"]]


def methods(row: Row, currency: str) -> list[str]:
    """The payment methods an account can offer in a currency; debits only at home."""
    debit = BY_CURRENCY.get(currency)
    return ["card", debit] if debit and currency == row["currency"] else ["card"]


def require_permission(row: Row, resource: str, method: str) -> None:
    """Raise Refused unless the restricted key may do this (docs.stripe.com/keys)."""
    granted = row["permissions"].get(resource)
    if granted == "write" or (granted == "read" and method == "GET"):
        return
    need = f"rak_{resource.rstrip('s')}_{'read' if method == 'GET' else 'write'}"
    raise Refused(
        f"The provided key 'rk_test_***' does not have the required permissions for this endpoint on account "
        f"'{row['id']}'. Having the '{need}' permission would allow this request to continue.",
        status=403,
        early=True,
    )


def public(row: Row) -> Row:
    """The account as ``GET /v1/account`` shows it (docs.stripe.com/api/accounts/object)."""
    chosen = row["settings"]
    schedule = {"interval": chosen["payouts"], "delay_days": chosen["settle_days"]}
    return {
        "id": row["id"],
        "object": "account",
        "business_profile": {"name": row["business"], "url": None, "mcc": "8931", "support_email": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"}
        | {
            f"{kind}_payments" if kind != "us_bank_account" else "us_bank_account_ach_payments": "active"
            for kind in methods(row, row["currency"])[1:]
        },
        "charges_enabled": True,
        "country": row["country"],
        "created": 1735689600,
        "default_currency": row["currency"],
        "details_submitted": True,
        "email": f"accounts@{row['id'].removeprefix('acct_')}.test",
        "payouts_enabled": True,
        "settings": {
            "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
            "card_payments": {
                "decline_on": {"avs_failure": False, "cvc_failure": False},
                "statement_descriptor_prefix": row["business"][:10].upper(),
            },
            "dashboard": {"display_name": row["business"], "timezone": "Etc/UTC"},
            "payments": {"statement_descriptor": row["business"][:22].upper()},
            "payouts": {
                "schedule": schedule,
                "debit_negative_balances": chosen["debit_negative_balances"],
                "statement_descriptor": None,
            },
        },
        "type": "standard",
    }
