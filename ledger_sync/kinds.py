"""Which documents each ledger wants for each of our records: one literal table per provider.

Xero links allocations (one Payment each, same Reference); QuickBooks links the payment with its lines. A role names the
document where one record needs several.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger_sync.models.connections import Provider
from ledger_sync.models.links import Kind

#: Roles of links. The plain document of a record has the role "".
MAIN, EXCESS, CREDIT = "", "excess", "credit"
#: A refund of money that was on no invoice; what shows that money came and went again; what takes a first entry back.
UNAPPLIED, RECEIVED, RETURNED, BACK = "unapplied", "received", "returned", "back"
#: An invoice's file, and what is noted in its history: each note has a role of its own, which begins with one of these.
FILE, ACCEPTED, UNDER_WAY, NOT_ARRIVED = "attachment", "accepted", "debit", "no debit"


@dataclass(frozen=True)
class Shape:
    """What one provider wants."""

    links_allocations: bool
    needs_items: bool
    #: A reduced price is given back by one receipt, not by a credit note that is paid out.
    refunds_by_receipt: bool
    #: Documents have a history that notes can be added to.
    takes_notes: bool
    batch: int
    #: (name, seconds, calls, reserve for people) of each window of the vendor's.
    windows: tuple[tuple[str, int, int, int], ...]
    swept: tuple[str, ...]
    #: (kind, role) of the lists in which what became of entries beside payments on invoices is found: fees, payouts ….
    entries: tuple[tuple[str, str], ...]
    #: Of these a webhook tells within seconds, so that a sweep is only the net under it.
    noticed: frozenset[str]
    #: (kind, role, action) of which a call takes only one document.
    alone: frozenset[tuple[str, str, str]] = frozenset()
    #: Kinds of which a call always takes only one document.
    single: frozenset[str] = frozenset({Kind.ATTACHMENT, Kind.NOTE})
    #: Kinds without a number or name of their own, where it is not known how long the ledger keeps a key.
    unsure_of_key: frozenset[str] = frozenset()
    #: Calls with changes that may be under way at once: anybody's, and those of people beside them.
    abreast: tuple[int, int] = (3, 1)
    #: (kind, role) of documents that the list of their kind does not show.
    apart: frozenset[tuple[str, str]] = frozenset()
    #: Windows that only calls with changes count in.
    push_windows: tuple[tuple[str, int, int, int], ...] = ()


SHAPES: dict[str, Shape] = {
    # Xero docs, Limits: 60 a minute and 5,000 a day per organisation in fixed windows; 10,000 a minute per app; 5 calls
    # at once; 50 elements a call advised.
    Provider.XERO: Shape(
        links_allocations=True,
        needs_items=False,
        refunds_by_receipt=False,
        takes_notes=True,
        batch=50,
        windows=(("minute", 60, 60, 3), ("day", 86400, 5000, 50), ("app minute", 60, 10_000, 100)),
        swept=(Kind.CLIENT, Kind.INVOICE, Kind.ALLOCATION),
        # Every bank transaction is in one list, whatever it is of ours; money back is with the payments.
        entries=((Kind.FEE, MAIN), (Kind.PAYOUT, MAIN)),
        noticed=frozenset({Kind.CLIENT, Kind.INVOICE}),
        alone=frozenset(
            {
                (Kind.ALLOCATION, MAIN, "delete"),
                (Kind.ALLOCATION, CREDIT, "create"),
                (Kind.ALLOCATION, CREDIT, "delete"),
                (Kind.ALLOCATION, EXCESS, "create"),
                (Kind.ALLOCATION, EXCESS, "delete"),
                (Kind.REFUND, MAIN, "delete"),
                (Kind.REFUND, UNAPPLIED, "delete"),
                (Kind.PAYOUT, MAIN, "create"),
                (Kind.PAYOUT, BACK, "create"),
            }
        ),
        apart=frozenset({(Kind.ALLOCATION, CREDIT), (Kind.ALLOCATION, EXCESS)}),
    ),
    # Intuit docs, Limits and throttles: 500 a minute per company, 40 batches a minute, 30 items a batch.
    Provider.QUICKBOOKS: Shape(
        links_allocations=False,
        needs_items=True,
        refunds_by_receipt=True,
        takes_notes=False,
        batch=30,
        windows=(("minute", 60, 500, 20),),
        swept=(Kind.CLIENT, Kind.INVOICE, Kind.PAYMENT),
        # RefundReceipt, Purchase, Deposit, Transfer.
        entries=((Kind.REFUND, MAIN), (Kind.FEE, MAIN), (Kind.DISPUTE, BACK), (Kind.PAYOUT, MAIN)),
        noticed=frozenset({Kind.CLIENT, Kind.INVOICE, Kind.PAYMENT}),
        alone=frozenset(
            {
                (Kind.INVOICE, MAIN, "void"),
                (Kind.CREDIT, MAIN, "void"),
                (Kind.PAYMENT, MAIN, "void"),
                (Kind.PAYMENT, RETURNED, "delete"),
                (Kind.ALLOCATION, CREDIT, "delete"),
                (Kind.REFUND, MAIN, "delete"),
                (Kind.REFUND, UNAPPLIED, "delete"),
                (Kind.DISPUTE, MAIN, "delete"),
                (Kind.DISPUTE, BACK, "delete"),
            }
        ),
        unsure_of_key=frozenset(
            {Kind.PAYMENT, Kind.ALLOCATION, Kind.REFUND, Kind.DISPUTE, Kind.FEE, Kind.PAYOUT, Kind.ATTACHMENT}
        ),
        apart=frozenset({(Kind.PAYMENT, RETURNED), (Kind.REFUND, UNAPPLIED), (Kind.DISPUTE, BACK)}),
        push_windows=(("batch", 60, 40, 2),),
    ),
}

#: What is sent first when several kinds are ready; needs between links do the rest.
PUSH_ORDER: tuple[str, ...] = (
    Kind.CLIENT,
    Kind.ITEM,
    Kind.INVOICE,
    Kind.CREDIT,
    Kind.PAYMENT,
    Kind.ALLOCATION,
    Kind.DISPUTE,
    Kind.REFUND,
    Kind.FEE,
    Kind.PAYOUT,
    Kind.NOTE,
    Kind.ATTACHMENT,
)
