"""A sandbox that speaks Stripe's wire, so that the product can be built, tested and shown without Stripe.

It plays payments for one practice: customers, payment methods, intents, mandates, charges, refunds, disputes, the
balance, payouts, events and signed webhooks. Where it cannot play something it refuses, rather than pretend.
"""

from billing.sandbox.stripe.sandbox import StripeSandbox, build

__all__ = ["StripeSandbox", "build"]
