"""Links: what one of our records is in the ledger, what both sides last agreed on, and what is owed since when."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from billing.models import Allocation, CreditNote, Dispute, FeeDay, Invoice, Payment, Payout, Refund
from ledger_sync.models.connections import Connection
from practice.core.owed import Owed
from practice.firm.models import Client, Service


class Kind(models.TextChoices):
    """What kind of record a link is about."""

    CLIENT = "client", "Client"
    ITEM = "item", "Service"
    INVOICE = "invoice", "Invoice"
    CREDIT = "credit", "Credit note"
    PAYMENT = "payment", "Payment"
    ALLOCATION = "allocation", "Payment on an invoice"
    REFUND = "refund", "Refund"
    DISPUTE = "dispute", "Dispute"
    FEE = "fee", "Stripe fees of a day"
    PAYOUT = "payout", "Payout"
    ATTACHMENT = "attachment", "Invoice as a file"
    NOTE = "note", "Note on an invoice"


#: Which column holds our row, per kind.
SUBJECTS: dict[str, str] = {
    Kind.CLIENT: "client",
    Kind.ITEM: "service",
    Kind.INVOICE: "invoice",
    Kind.CREDIT: "credit",
    Kind.PAYMENT: "payment",
    Kind.ALLOCATION: "allocation",
    Kind.REFUND: "refund",
    Kind.DISPUTE: "dispute",
    Kind.FEE: "fee_day",
    Kind.PAYOUT: "payout",
    Kind.ATTACHMENT: "invoice",
    Kind.NOTE: "invoice",
}
COLUMNS = tuple(dict.fromkeys(SUBJECTS.values()))


def _one_subject() -> Q:
    """The kind's own column is set and no other."""
    whole = Q()
    for kind, column in SUBJECTS.items():
        others = {f"{c}__isnull": True for c in COLUMNS if c != column}
        whole |= Q(kind=kind, **{f"{column}__isnull": False}, **others)
    return whole


class Link(Owed):
    """One document of one record on one connection. A record that needs several documents has several roles."""

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="links")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    client = models.ForeignKey(Client, models.PROTECT, related_name="+", null=True, blank=True)
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", null=True, blank=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="+", null=True, blank=True)
    credit = models.ForeignKey(CreditNote, models.PROTECT, related_name="+", null=True, blank=True)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="+", null=True, blank=True)
    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="+", null=True, blank=True)
    refund = models.ForeignKey(Refund, models.PROTECT, related_name="+", null=True, blank=True)
    dispute = models.ForeignKey(Dispute, models.PROTECT, related_name="+", null=True, blank=True)
    fee_day = models.ForeignKey(FeeDay, models.PROTECT, related_name="+", null=True, blank=True)
    payout = models.ForeignKey(Payout, models.PROTECT, related_name="+", null=True, blank=True)
    role = models.CharField(max_length=20, blank=True, default="")
    generation = models.PositiveIntegerField(default=1)
    remote_id = models.CharField(max_length=64, null=True, blank=True)
    remote_version = models.CharField(max_length=40, blank=True, default="")
    base_ours = models.JSONField(null=True, blank=True)
    base_theirs = models.JSONField(null=True, blank=True)
    base_digest = models.CharField(max_length=64, blank=True, default="")
    #: Who decided where a credit is booked, where that is not simply as its invoice is: ledger_sync.rendering.coding.
    coding = models.JSONField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)
    #: Who let it owe last, and why: a change here is made by somebody, what is sent for it by the engine.
    owed_by = models.JSONField(default=dict, blank=True)
    merged_into = models.ForeignKey("self", models.PROTECT, related_name="+", null=True, blank=True)

    class Meta(Owed.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            *Owed.Meta.constraints,
            models.CheckConstraint(condition=_one_subject(), name="link_one_subject_of_its_kind"),
            models.CheckConstraint(
                condition=Q(remote_id__isnull=True) | Q(base_theirs__isnull=False), name="link_known_there_has_base"
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")), name="link_not_merged_into_itself"
            ),
            models.UniqueConstraint(
                fields=["connection", "kind", "remote_id"],
                condition=Q(remote_id__isnull=False),
                name="link_remote_once",
            ),
            *(
                models.UniqueConstraint(
                    fields=["connection", column, "role"],
                    condition=Q(**{f"{column}__isnull": False, "gone_at__isnull": True}),
                    name=f"link_{column}_live_once",
                )
                for column in COLUMNS
            ),
            *(
                models.UniqueConstraint(
                    fields=["connection", column, "role", "generation"],
                    condition=Q(**{f"{column}__isnull": False}),
                    name=f"link_{column}_generation_once",
                )
                for column in COLUMNS
            ),
        ]
        indexes = [
            models.Index(
                fields=["connection", "kind", "urgency", "ready_at", "id"],
                condition=Q(ready_at__isnull=False),
                name="link_ready",
            ),
            models.Index(fields=["connection", "owed_since"], condition=Q(owed_since__isnull=False), name="link_owed"),
            models.Index(fields=["connection", "verified_at"], name="link_verify"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}{f' {self.role}' if self.role else ''}"

    @property
    def subject_id(self) -> int:
        """The id of our row."""
        return int(getattr(self, f"{SUBJECTS[self.kind]}_id"))

    @property
    def subject(self) -> Any:
        """Our row."""
        return getattr(self, SUBJECTS[self.kind])

    @property
    def exists_there(self) -> bool:
        """Whether the ledger has it now."""
        return self.remote_id is not None and self.gone_at is None


class LinkNeed(models.Model):
    """What must be true of another link before this one can be sent."""

    class How(models.TextChoices):
        EXISTS = "exists", "The other is in the ledger"
        CLEAR = "clear", "The other owes nothing"

    link = models.ForeignKey(Link, models.CASCADE, related_name="needs")
    needs = models.ForeignKey(Link, models.PROTECT, related_name="needed_by")
    how = models.CharField(max_length=10, choices=How.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "needs"], name="link_need_once")]

    def __str__(self) -> str:
        return f"{self.link_id} needs {self.needs_id} to be {self.how}"
