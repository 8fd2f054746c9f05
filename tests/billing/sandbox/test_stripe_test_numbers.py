"""Every published test card and test account does what its page says, under its number and its ``pm_`` name."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from billing.sandbox.stripe import StripeSandbox, cards
from practice.core import clock
from tests.billing.sandbox.conftest import MANDATE, connect, control

RETURN = "https://pay.test/"
CURRENCIES = {"au_becs_debit": "aud", "us_bank_account": "usd", "sepa_debit": "eur"}


@pytest.fixture
def of(sandbox: StripeSandbox) -> dict[str, Any]:
    """An account for each debit."""
    sandbox.open_account("acct_rhein", country="DE", business="Rhein Kanzlei GmbH")
    names = {"au_becs_debit": "acct_harbour", "us_bank_account": "acct_larkin", "sepa_debit": "acct_rhein"}
    return {kind: connect(sandbox.credentials(name)["secret_key"]) for kind, name in names.items()}


def debit(api: Any, kind: str, name: str) -> Any:
    """Save an account by its magic name, and debit 50.00. Returns the confirmed intent."""
    client = api.customers.create({"name": "Wattle"})
    setup = api.setup_intents.create(
        {
            "customer": client.id,
            "payment_method": name,
            "confirm": True,
            "mandate_data": MANDATE,
            "return_url": RETURN,
        }
    )
    assert setup.status == "succeeded"
    return api.payment_intents.create(
        {
            "amount": 5_000,
            "currency": CURRENCIES[kind],
            "customer": client.id,
            "payment_method": setup.payment_method,
            "confirm": True,
            "off_session": True,
            "return_url": RETURN,
        }
    )


PLAIN = [
    (kind, name, cards.BANK_ACCOUNTS[kind][number])
    for name, (kind, number) in cards.MAGIC_ACCOUNTS.items()
    if not cards.BANK_ACCOUNTS[kind][number].limit
]


@pytest.mark.parametrize(("kind", "name", "account"), PLAIN, ids=[name for _, name, _ in PLAIN])
def test_each_bank_account(of: Any, kind: str, name: str, account: cards.BankAccount) -> None:
    api = of[kind]
    intent = debit(api, kind, name)
    assert intent.status == "processing"
    mandate = api.charges.retrieve(intent.latest_charge).payment_method_details[kind].mandate
    clock.advance(days=14)
    after = api.payment_intents.retrieve(intent.id)
    if account.never:
        assert after.status == "processing"
        assert api.payment_intents.cancel(intent.id).status == "canceled"
    elif account.failure:
        assert (after.status, after.last_payment_error.code) == ("requires_payment_method", account.failure)
    else:
        assert after.status == "succeeded"
    assert [d.status for d in api.disputes.list().data] == (["lost"] if account.disputed else [])
    ended = account.disputed or account.failure in ("account_closed", "no_account", "debit_not_authorized")
    assert api.mandates.retrieve(mandate).status == ("inactive" if ended else "active")


LIMITED = [
    (kind, name, cards.BANK_ACCOUNTS[kind][number].limit)
    for name, (kind, number) in cards.MAGIC_ACCOUNTS.items()
    if cards.BANK_ACCOUNTS[kind][number].limit
]


@pytest.mark.parametrize(("kind", "name", "code"), LIMITED, ids=[name for _, name, _ in LIMITED])
def test_each_limit(of: Any, kind: str, name: str, code: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        debit(of[kind], kind, name)
    assert refused.value.code == code
    assert of[kind].charges.list().data == []


def test_accounts_that_no_debit_may_touch(of: Any) -> None:
    details = {"type": "sepa_debit", "billing_details": {"name": "Ada", "email": "ada@rhein.test"}}
    for iban, code in (
        ("DE91370400440000055555", "sepa_debit_bank_not_supported"),
        ("DE18370400440000066666", "sepa_debit_debits_not_supported"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            of["sepa_debit"].payment_methods.create({**details, "sepa_debit": {"iban": iban}})
        assert refused.value.code == code


def test_a_foreign_accounts_magic_name_is_unknown(api: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
        api.payment_intents.create(
            {"amount": 500, "currency": "aud", "payment_method": "pm_usBankAccount_success", "description": "Fees"}
        )


@pytest.mark.parametrize("name", sorted(cards.MAGIC))
def test_each_card_by_its_magic_name(api: Any, name: str) -> None:
    card = cards.CARDS[cards.MAGIC[name]]
    params = {"amount": 500, "currency": "aud", "payment_method": name, "confirm": True, "return_url": RETURN}
    if card.code and not card.authentication:
        with pytest.raises(stripe.CardError) as refused:
            api.payment_intents.create(params)
        assert (refused.value.code, refused.value.error.decline_code) == (card.code, card.decline or card.code)
        return
    intent = api.payment_intents.create(params)
    assert intent.status == ("requires_action" if card.authentication else "succeeded")
    if card.authentication and card.code:
        control(f"/_sandbox/authenticate/{intent.id}", {"client_secret": intent.client_secret, "passed": True})
        after = api.payment_intents.retrieve(intent.id)
        assert (after.status, after.last_payment_error.decline_code) == ("requires_payment_method", card.decline)


def test_a_card_that_was_set_up_before_pays_off_session_only(api: Any, client: Any, charge: Any) -> None:
    name = "pm_card_authenticationRequiredSetupForOffSession"
    method = api.payment_methods.attach(name, {"customer": client.id})
    assert charge(method.id).status == "succeeded"
    on_session = api.payment_intents.create(
        {
            "amount": 500,
            "currency": "aud",
            "customer": client.id,
            "payment_method": method.id,
            "confirm": True,
            "return_url": RETURN,
        }
    )
    assert on_session.status == "requires_action"


def test_radar_blocks_before_the_bank_is_asked(api: Any, client: Any, charge: Any) -> None:
    method = api.payment_methods.attach("pm_card_radarBlock", {"customer": client.id})
    with pytest.raises(stripe.CardError):
        charge(method.id)
    outcome = api.charges.list().data[0].outcome
    assert (outcome.type, outcome.network_status, outcome.risk_level) == ("blocked", "not_sent_to_network", "highest")


@pytest.mark.parametrize(
    ("amounts", "code"),
    [
        ([10, 11], "payment_method_microdeposit_verification_attempts_exceeded"),
        ([40, 41], "payment_method_microdeposit_verification_timeout"),
        ([1, 2], "payment_method_microdeposit_verification_amounts_mismatch"),
    ],
)
def test_microdeposits_that_do_not_verify(us: Any, amounts: list[int], code: str) -> None:
    setup = us.setup_intents.create(
        {
            "customer": us.customers.create({"name": "Maple"}).id,
            "confirm": True,
            "mandate_data": MANDATE,
            "return_url": RETURN,
            "payment_method_data": {
                "type": "us_bank_account",
                "us_bank_account": {"routing_number": "110000000", "account_number": "000123456789"},
                "billing_details": {"name": "Maple Dental"},
            },
        }
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        us.setup_intents.verify_microdeposits(setup.id, {"amounts": amounts})
    assert refused.value.code == code
    assert us.setup_intents.retrieve(setup.id).status == "requires_action"


def test_an_inquiry_moves_nothing_until_it_is_escalated(api: Any, saved: Any, charge: Any) -> None:
    charge(saved("pm_card_createDisputeInquiry").payment_method)
    clock.advance(seconds=5)
    [dispute] = api.disputes.list().data
    assert (dispute.status, dispute.is_charge_refundable, dispute.balance_transactions) == (
        "warning_needs_response",
        True,
        [],
    )
    assert dispute.payment_method_details.card.case_type == "inquiry"
    assert dispute.evidence.customer_email_address == "books@wattle.test"
    evidence = {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}, "submit": True}
    assert api.disputes.update(dispute.id, evidence).status == "warning_under_review"
    clock.advance(minutes=2)
    after = api.disputes.retrieve(dispute.id)
    assert (after.status, after.payment_method_details.card.case_type) == ("needs_response", "chargeback")
    assert [row.net for row in api.balance_transactions.list({"source": dispute.id}).data] == [-112_500]


def test_an_inquiry_can_be_refunded_or_lapses(api: Any, saved: Any, charge: Any) -> None:
    intent = charge(saved("pm_card_createDisputeInquiry").payment_method)
    clock.advance(seconds=5)
    assert api.refunds.create({"payment_intent": intent.id, "amount": 1_000}).status == "succeeded"
    clock.advance(days=121)
    assert [d.status for d in api.disputes.list().data] == ["warning_closed"]
    assert [r.type for r in api.balance_transactions.list({"type": "adjustment"}).data] == []
