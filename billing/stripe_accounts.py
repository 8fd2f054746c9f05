"""Connecting an entity's own Stripe account: checked, described by Stripe itself, kept encrypted."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from billing import gateway
from billing.gateway import Gateway, KeyMisplaced
from billing.models import Payment, StripeAccount, StripeCustomer
from billing.stripe_facts import Refused, StripeError
from practice.core import clock, events
from practice.firm.models import Client, Entity

#: Which ways of paying a country's clients are offered; anything else stays off until it is proven.
DEBIT_OF = {"AU": "au_becs_debit", "US": "us_bank_account"}


class AccountRefused(ValueError):
    """The account cannot be connected; the text says why."""


class NotConnected(LookupError):
    """The entity has no Stripe account: its clients cannot pay online."""


def account_of(entity_id: int) -> StripeAccount:
    """The Stripe account of an entity. Raises NotConnected."""
    account = StripeAccount.objects.filter(entity_id=entity_id).first()
    if account is None:
        raise NotConnected("This firm takes no online payments yet")
    return account


def ways_to_pay(account: StripeAccount, currency: str) -> list[str]:
    """The payment methods offered, by the account's country; bank debit in the home currency only."""
    debit = DEBIT_OF.get(account.country)
    return ["card", debit] if debit and currency == account.currency else ["card"]


def connect_account(*, entity: Entity, secret_key: str, publishable_key: str) -> StripeAccount:
    """Connect an entity to Stripe with a restricted or secret key, and have Stripe send its notices here.

    Calls Stripe, so it runs outside any transaction. Raises AccountRefused when a key does not fit this installation,
    Stripe does not know it, or the account belongs to another entity.
    """
    secret_key, publishable_key = secret_key.strip(), publishable_key.strip()
    if not publishable_key.startswith("pk_") or ("_live_" in publishable_key) != ("_live_" in secret_key):
        raise AccountRefused("The publishable key begins with pk_ and is of the same mode as the secret key")
    try:
        door = Gateway(secret_key)
        facts = door.account()
        _check_owner(entity, facts.ref)
        row, _ = StripeAccount.objects.update_or_create(
            entity=entity,
            defaults={
                "account_ref": facts.ref,
                "country": facts.country,
                "currency": facts.currency,
                "publishable_key": publishable_key,
                "secret_key": secret_key,
                "connected_at": clock.now(),
            },
        )
        _listen(door, row)
    except KeyMisplaced as error:
        raise AccountRefused(str(error)) from error
    except Refused as error:
        raise AccountRefused(f"Stripe said: {error.words}") from error
    except StripeError as error:
        raise AccountRefused("Stripe did not answer. Nothing was changed; try again in a minute") from error
    with transaction.atomic():
        events.record("billing.stripe.connected", row)
    return row


def notice_url(account: StripeAccount) -> str:
    """Where Stripe sends this account's notices."""
    return f"{settings.SITE_URL}/hooks/stripe/{account.pk}/"


def customer_of(*, account: StripeAccount, client_id: int) -> str:
    """The client's customer id at Stripe, made there on first need. Calls Stripe; raises its failures."""
    known = StripeCustomer.objects.filter(entity_id=account.entity_id, client_id=client_id).first()
    if known is not None:
        return known.customer_ref
    client = Client.objects.get(pk=client_id)
    # The key covers the body: the same client asked for twice at once is one customer, also after a lost answer.
    about = f"{client.name}\n{client.billing_email}"
    key = uuid.uuid5(uuid.NAMESPACE_URL, f"{settings.SITE_URL}/customer/{account.entity_id}/{client_id}\n{about}")
    ref = gateway.gateway_of(account).create_customer(
        name=client.name,
        email=client.billing_email,
        metadata={"client": str(client_id), "installation": urlsplit(settings.SITE_URL).netloc},
        key=str(key),
    )
    try:
        with transaction.atomic():
            StripeCustomer.objects.create(entity_id=account.entity_id, client_id=client_id, customer_ref=ref)
    except IntegrityError:
        return StripeCustomer.objects.get(entity_id=account.entity_id, client_id=client_id).customer_ref
    return ref


def _check_owner(entity: Entity, account_ref: str) -> None:
    other = StripeAccount.objects.filter(account_ref=account_ref).exclude(entity=entity).first()
    if other is not None:
        raise AccountRefused("This Stripe account belongs to another entity already")
    mine = StripeAccount.objects.filter(entity=entity).exclude(account_ref=account_ref).first()
    if mine is not None and Payment.objects.filter(entity=entity, source=Payment.Source.STRIPE).exists():
        raise AccountRefused("Money was taken through another Stripe account: that one stays connected")


def _listen(door: Gateway, row: StripeAccount) -> None:
    """Register our address for notices; an older one of ours is taken away first."""
    if row.webhook_ref:
        try:
            door.remove_webhook(row.webhook_ref)
        except Refused:
            # Somebody deleted it in Stripe's dashboard, or the key is of another account: nothing to take away.
            row.webhook_ref = ""
    row.webhook_ref, row.webhook_secret = door.add_webhook(notice_url(row), key=str(uuid.uuid4()))
    row.save(update_fields=["webhook_ref", "webhook_secret"])
