"""Tables of billing."""

from billing.models.agreements import Charge, Engagement, EngagementLine, PriceBasis, ScheduleRule
from billing.models.credits import CreditNote, CreditNoteLine
from billing.models.gateway import (
    Attempt,
    AttemptShare,
    BalanceTransaction,
    MethodLink,
    PaymentMethod,
    StripeAccount,
    StripeCustomer,
    StripeEvent,
)
from billing.models.invoices import BillingRun, Instalment, Invoice, InvoiceLine, PayLink
from billing.models.payments import Allocation, Dispute, FeeDay, Payment, Payout, Refund

__all__ = [
    "Allocation",
    "Attempt",
    "AttemptShare",
    "BalanceTransaction",
    "BillingRun",
    "Charge",
    "CreditNote",
    "CreditNoteLine",
    "Dispute",
    "Engagement",
    "EngagementLine",
    "FeeDay",
    "Instalment",
    "Invoice",
    "InvoiceLine",
    "MethodLink",
    "PayLink",
    "Payment",
    "PaymentMethod",
    "Payout",
    "PriceBasis",
    "Refund",
    "ScheduleRule",
    "StripeAccount",
    "StripeCustomer",
    "StripeEvent",
]
