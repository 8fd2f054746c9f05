"""Saved cards and bank accounts: kept with the proof of permission, replaced, removed."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from billing import gateway
from billing.models import MethodLink, PaymentMethod, StripeCustomer
from billing.stripe_accounts import account_of, customer_of, ways_to_pay
from billing.stripe_facts import IntentFacts, MethodFacts
from practice.core import clock, events, tokens
from practice.firm.models import Client, Entity

#: How long a link to give a new method works.
LINK_DAYS = 30


@dataclass(frozen=True)
class Presence:
    """Who gave permission from where: the network address and the browser, as the law wants it kept."""

    address: str = ""
    agent: str = ""


def method_of(*, entity_id: int, client_id: int) -> PaymentMethod | None:
    """The method in use for a client's bills, if there is one."""
    return PaymentMethod.objects.filter(entity_id=entity_id, client_id=client_id, removed_at__isnull=True).first()


def start_setup(*, entity: Entity, client: Client, presence: Presence) -> IntentFacts:
    """An intent to save a method with nothing due now. Calls Stripe; raises NotConnected and Stripe's failures.

    No row is kept: a set-up takes no money, and a second one does no harm.
    """
    account = account_of(entity.pk)
    return gateway.gateway_of(account).create_setup(
        customer_ref=customer_of(account=account, client_id=client.pk),
        kinds=ways_to_pay(account, entity.currency),
        metadata={"address": presence.address, "agent": presence.agent[:300]},
        key=str(uuid.uuid4()),
    )


def take_setup(*, entity_id: int, intent_ref: str) -> PaymentMethod | None:
    """Fetch a set-up intent and keep its method once it has succeeded; the browser's word is not enough."""
    account = account_of(entity_id)
    intent = gateway.gateway_of(account).setup(intent_ref)
    owner = StripeCustomer.objects.filter(entity_id=entity_id, customer_ref=intent.customer_ref).first()
    if intent.status != "succeeded" or intent.method is None or owner is None:
        return None
    presence = Presence(intent.metadata.get("address", ""), intent.metadata.get("agent", ""))
    return keep_method(
        entity_id=entity_id,
        client_id=owner.client_id,
        facts=intent.method,
        mandate_ref=intent.mandate_ref,
        presence=presence,
        now=clock.now(),
    )


@transaction.atomic
def keep_method(
    *, entity_id: int, client_id: int, facts: MethodFacts, mandate_ref: str, presence: Presence, now: datetime
) -> PaymentMethod | None:
    """Put a method in the place of the one in use. Does nothing for a kind we do not collect from, or a known one."""
    if facts.kind not in PaymentMethod.Kind.values:
        return None
    client = Client.objects.select_for_update().get(pk=client_id)
    known = PaymentMethod.objects.filter(method_ref=facts.ref).first()
    if known is not None:
        return known
    for old in PaymentMethod.objects.filter(entity_id=entity_id, client_id=client_id, removed_at__isnull=True):
        old.removed_at = now
        old.save(update_fields=["removed_at"])
    method = PaymentMethod.objects.create(
        practice_id=client.practice_id,
        entity_id=entity_id,
        client=client,
        method_ref=facts.ref,
        kind=facts.kind,
        brand=facts.brand[:30],
        last4=facts.last4,
        expires_on=facts.expires_on,
        mandate_ref=mandate_ref,
        accepted_at=now,
        accepted_address=presence.address,
        accepted_agent=presence.agent[:300],
    )
    events.record("billing.method.saved", method)
    return method


@transaction.atomic
def forget_method(*, entity_id: int, method_ref: str, now: datetime) -> PaymentMethod | None:
    """Stripe let go of a method of an entity: it is not charged again. None when that entity never had it."""
    rows = PaymentMethod.objects.select_for_update().filter(entity_id=entity_id, removed_at__isnull=True)
    method = rows.filter(method_ref=method_ref).first()
    if method is not None:
        method.removed_at = now
        method.save(update_fields=["removed_at"])
        events.record("billing.method.removed", method)
    return method


@transaction.atomic
def mint_link(*, entity_id: int, client_id: int, now: datetime) -> str:
    """A fresh token for the page where a client gives a new method."""
    token, digest = tokens.mint()
    MethodLink.objects.create(
        entity_id=entity_id,
        client_id=client_id,
        token_digest=digest,
        made_at=now,
        expires_at=now + timedelta(days=LINK_DAYS),
    )
    return token
