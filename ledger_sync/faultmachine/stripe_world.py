"""The firm's Stripe in a history: one sandbox with an account for each entity, reached only through the machine."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from billing import stripe_accounts
from billing.sandbox.stripe import StripeSandbox
from billing.sandbox.stripe.books import Books as Account
from practice.core.sandbox.http import Request
from practice.core.sandbox.store import Store
from practice.firm.models import Entity

HOST = "stripe.test"
#: The sandbox's account of each country's entity.
ACCOUNTS = {"AU": "acct_harbour", "US": "acct_larkin"}
#: Seconds after which Stripe says what a charge moved and cost: mostly at once, its promise is an hour.
CAPTURED_AFTER = (1.5, 1.5, 90, 2400)


@dataclass
class Till:
    """Stripe as the firm uses it: the sandbox, and which of its accounts is whose."""

    sandbox: Any
    #: The account at Stripe of each entity, by the entity's id.
    names: dict[int, str]

    def account(self, entity_id: int) -> Account:
        """One entity's objects at Stripe, to look into or to change inside :meth:`change`."""
        account: Account = self.sandbox.books(self.names[entity_id])
        return account

    def change(self) -> Any:
        """What happens at Stripe in one step."""
        return self.sandbox.store.transaction()

    def copy(self, seed: int) -> Till:
        """The same till for one history."""
        chance = Random(f"till {seed}")
        till = Till(StripeSandbox(self.sandbox.store.copy(), base_url=f"http://{HOST}", seed=seed), self.names)
        for name in till.names.values():
            till.sandbox.configure(name, capture_delay=chance.choice(CAPTURED_AFTER))
        return till

    def confirm(self, entity_id: int, client_secret: str, method: str) -> None:
        """What Stripe's script does in the payer's browser: confirm an intent with a card or a bank account."""
        ref = client_secret.partition("_secret_")[0]
        kind = "setup_intents" if ref.startswith("seti_") else "payment_intents"
        key = self.sandbox.credentials(self.names[entity_id])["publishable_key"]
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-www-form-urlencoded"}
        body = f"client_secret={client_secret}&payment_method={method}&use_stripe_sdk=true"
        self.sandbox.handle(Request.build("POST", f"http://{HOST}/v1/{kind}/{ref}/confirm", headers, body))


def found_till(entities: list[Entity]) -> Till:
    """Connect each entity to an account of its own. The sandbox must answer in this process."""
    sandbox = StripeSandbox(Store(), base_url=f"http://{HOST}")
    return Till(sandbox, {entity.pk: ACCOUNTS[entity.country] for entity in entities})


def connect(till: Till) -> None:
    """Give the product the keys, as an owner does."""
    for entity_id, name in till.names.items():
        keys = till.sandbox.credentials(name)
        stripe_accounts.connect_account(
            entity=Entity.objects.get(pk=entity_id),
            secret_key=keys["restricted_key"],
            publishable_key=keys["publishable_key"],
        )


def money(cents: int) -> Decimal:
    """Stripe's cents as an amount."""
    return Decimal(cents).scaleb(-2)
