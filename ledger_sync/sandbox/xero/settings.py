"""What can be set on the sandbox: Xero's limits, and one switch for each point Xero's documents leave open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass
class Limits:
    """Calls allowed per fixed window, and the size of a page and of a request (Xero docs, API limits)."""

    minute: int = 60
    day: int = 5_000
    app_minute: int = 10_000
    concurrent: int = 5
    connections: int = 25
    page: int = 1_000
    body_bytes: int = 3_500_000
    attachments: int = 10
    attachment_bytes: int = 10_000_000
    #: Characters of a history note. Unsure.
    note_chars: int = 2_500
    #: Most events in one webhook payload. Unsure.
    payload_events: int = 50
    #: Most brackets in a ``where``; more than 100 are refused in any case. Unsure.
    where_brackets: int = 100
    #: Digits before the point that a number may have (16 at most), and the first day a date may name. Unsure.
    number_digits: int = 12
    first_day: str = "1753-01-01"


@dataclass
class Switches:
    """Behaviour that is unsure or varies; each default is the less kind reading."""

    #: What a switch of words may be set to.
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {"paid_edits": ("docs", "none")}

    #: Without ``summarizeErrors`` one bad element fails the request. Docs say so, the specification says the opposite.
    summarize_default: bool = True
    #: One bad element of a summarized request undoes the good ones too. Assumed.
    all_or_nothing: bool = True
    #: POST with the number of an existing invoice and no id edits that invoice. Reported.
    number_edits: bool = True
    #: The numbers of void and deleted documents stay taken. Reported.
    numbers_stay_taken: bool = True
    #: A document waiting for approval may become a draft again. Unsure.
    submitted_to_draft: bool = False
    #: An organisation that is connected again keeps its first authEventId. Reported.
    keeps_first_event: bool = True
    #: ``If-Modified-Since`` includes changes of exactly that moment. Unsure.
    modified_since_inclusive: bool = False
    #: A list with nothing new answers 304 with no body instead of 200 with an empty list. Unsure.
    not_modified_304: bool = False
    #: A validation 400 or an internal 500 is replayed to a repeated Idempotency-Key. Docs for 500, unsure for 400.
    cache_errors: bool = True
    #: A payment or allocation sends an INVOICE UPDATE. Undocumented, but integrations rely on it.
    payment_events: bool = True
    #: PREPAYMENT and OVERPAYMENT notices, which only a newer specification lists.
    credit_events: bool = True
    #: Which fields of a part-paid invoice may change: "docs" (reference, due date, contact, line texts …) or "none".
    paid_edits: str = "docs"
    #: DueDate and SentToContact of a part-paid document change without a new UpdatedDateUTC (docs).
    quiet_updates: bool = True
    #: Approving needs a due date when neither the contact nor the organisation has terms. Unsure.
    due_date_required: bool = True
    #: The app was authorised by an adviser, whom the period lock does not stop (reported by vendors of other apps).
    app_is_adviser: bool = False
    #: Lock dates also stop allocations. Unsure.
    lock_allocations: bool = True
    #: An unknown tracking option is left out silently instead of refused. Both are reported.
    drop_unknown_tracking: bool = False
    #: An archived contact may be brought back through the API. Unsure.
    api_unarchive: bool = False
    #: A reconciled payment may be deleted through the API. Unsure.
    delete_reconciled: bool = False
    #: Until redirect addresses are registered, any on this machine will do. Xero wants each one registered.
    loopback_redirects: bool = True
    #: Phone numbers come back without spaces. Unsure; the merge must bear a ledger that writes values its own way.
    tidy_phones: bool = False
    #: Seconds that each API call keeps one of the tenant's places, so that calls at the same time can be too many.
    latency: float = 0.0
    #: PKCE with the plain method is taken too. Docs show S256 alone.
    plain_pkce: bool = False
    #: ``/connect/userinfo`` tells ``sub`` alone, which is all that OpenID Connect Core 5.3.2 asks for. Unsure.
    userinfo_bare: bool = False
    #: Use of a replaced refresh token takes back the tokens that came of the same consent. Unsure.
    replaced_use_revokes: bool = False
    #: The body of a 429, and other names for what ran out: ``{"concurrent": "…"}``. Unsure.
    limit_body: str = ""
    limit_names: dict[str, str] = field(default_factory=dict)
    #: What is wrong with an Idempotency-Key stands among the validation errors, not in ``Message``. Unsure.
    idempotency_in_elements: bool = False
    #: A method that a path lacks is 404 instead of 405. Unsure.
    wrong_method_404: bool = False
    #: A value of the wrong kind is passed over instead of refused as unreadable. Unsure.
    wrong_kinds_ignored: bool = False
    #: A number or truth value is taken where text is wanted. Unsure.
    numbers_for_texts: bool = True
    #: A system account may be archived. Unsure.
    archive_system_accounts: bool = False
    #: An account that lines or payments use may be deleted. Unsure.
    delete_used_accounts: bool = False
    #: A line to a current liability may carry tax. Unsure.
    tax_on_liabilities: bool = True
    #: Organisations outside the United Kingdom have a construction scheme too, switched off. Unsure.
    scheme_elsewhere: bool = False
    #: A rate of the day counts base currency for one of the foreign one, instead of the other way round. Unsure.
    rates_to_base: bool = False
    #: Drafts have an online page's address too. Unsure.
    online_drafts: bool = False
    #: A payment in a foreign currency needs its own rate; else the document's is taken. Unsure.
    payment_rate_required: bool = True
    #: A contact that is in a group already is refused there. Unsure.
    group_twice_refused: bool = False
    #: Reminders for overdue invoices are on in the organisation.
    invoice_reminders: bool = False


@dataclass
class AppRegistration:
    """The app as registered with Xero: what its developer typed into the portal."""

    name: str = "Countersign"
    client_id: str = "SANDBOX0XERO0CLIENT0ID0000000000"
    client_secret: str = "sandbox-xero-client-secret"  # noqa: S105 (a sandbox's own)
    webhook_key: str = "sandbox-xero-webhook-signing-key"
    redirect_uris: list[str] = field(default_factory=list)
