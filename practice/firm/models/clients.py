"""Clients, the people at them, their addresses, and groups of clients that are one relationship."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from practice.core.audit import Audited
from practice.firm.models.people import User
from practice.firm.models.practices import Practice


class Group(Audited):
    """One relationship over several legal persons, each billed by its own name."""

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="groups")
    name = models.CharField(max_length=150)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["practice", "name"], name="group_name_once")]

    def __str__(self) -> str:
        return self.name


class Client(Audited):
    """A legal person the practice bills: an organisation or an individual."""

    class Kind(models.TextChoices):
        ORGANISATION = "organisation", "Organisation"
        INDIVIDUAL = "individual", "Individual"

    class Tax(models.TextChoices):
        DOMESTIC = "domestic", "As each service says"
        ZERO = "zero", "Zero-rated"
        EXEMPT = "exempt", "Exempt"
        OUT_OF_SCOPE = "out_of_scope", "Out of scope"

    PERSONAL: ClassVar[tuple[str, ...]] = ("name", "billing_email", "phone", "tax_number")

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="clients")
    group = models.ForeignKey(Group, models.PROTECT, null=True, blank=True, related_name="clients")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ORGANISATION)
    name = models.CharField(max_length=150)
    billing_email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    country = models.CharField(max_length=2)
    company_number = models.CharField(max_length=40, blank=True)
    tax_number = models.CharField(max_length=40, blank=True)
    tax_treatment = models.CharField(max_length=20, choices=Tax.choices, default=Tax.DOMESTIC)
    tax_exempt_reason = models.CharField(max_length=200, blank=True)
    currency = models.CharField(max_length=3)
    payment_days = models.PositiveSmallIntegerField(default=14)
    partner = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="clients_led")
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["practice", "name"], condition=Q(archived_at__isnull=True), name="client_name_once"
            ),
            models.CheckConstraint(
                condition=~Q(tax_treatment="exempt") | ~Q(tax_exempt_reason=""), name="client_exempt_has_reason"
            ),
            models.CheckConstraint(condition=Q(payment_days__lte=365), name="client_payment_days_within_a_year"),
        ]

    def __str__(self) -> str:
        return self.name


class Person(Audited):
    """Somebody at a client: who signs, who is billed. Where to sign is never taken from a ledger."""

    PERSONAL: ClassVar[tuple[str, ...]] = ("name", "email", "phone")

    client = models.ForeignKey(Client, models.PROTECT, related_name="people")
    name = models.CharField(max_length=150)
    email = models.EmailField()
    phone = models.CharField(max_length=40, blank=True)
    role = models.CharField(max_length=100, blank=True)
    signs = models.BooleanField(default=False)
    receives_bills = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "email"], name="person_email_once")]

    def __str__(self) -> str:
        return self.name

    def audit_practice_id(self) -> int | None:
        """A person belongs to the client's practice."""
        return self.client.practice_id


class Address(Audited):
    """Where a client is billed or gets post; one field to the ledgers."""

    class Kind(models.TextChoices):
        BILLING = "billing", "Billing"
        POSTAL = "postal", "Postal"

    PERSONAL: ClassVar[tuple[str, ...]] = ("line1", "line2")

    client = models.ForeignKey(Client, models.PROTECT, related_name="addresses")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.BILLING)
    line1 = models.CharField(max_length=150)
    line2 = models.CharField(max_length=150, blank=True)
    city = models.CharField(max_length=100, blank=True)
    region = models.CharField(max_length=100, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "kind"], name="address_kind_once")]

    def __str__(self) -> str:
        return ", ".join(part for part in (self.line1, self.line2, self.city, self.region, self.postcode) if part)

    def audit_practice_id(self) -> int | None:
        """An address belongs to the client's practice."""
        return self.client.practice_id
