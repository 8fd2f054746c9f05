"""What can be set on the sandbox: QuickBooks' limits, and one switch for each point Intuit's documents leave open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass
class Limits:
    """Calls allowed per fixed window, and the size of a page and of a batch (Intuit docs, Limits and throttles)."""

    minute: int = 500
    minute_app: int = 800
    reports_minute: int = 200
    second: int = 10
    batch_minute: int = 40
    batch_minute_realm: int = 120
    emails_day: int = 40
    batch_items: int = 30
    page: int = 1_000
    page_default: int = 100
    changes: int = 1_000
    change_days: int = 30
    lines: int = 750
    upload_bytes: int = 100_000_000


@dataclass
class Switches:
    """Behaviour that is unsure or varies; each default is the less kind reading."""

    #: What a switch of words may be set to.
    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {
        "naive_zone": ("pacific", "utc", "company"),
        "throttle_form": ("lower", "upper", "xml"),
    }

    #: " (deleted)" is added to the name of what is deactivated, and the name is free again. Reported by users.
    mark_deactivated: bool = True
    #: A number sent with a document is kept although the company lets QuickBooks number. Reported, not documented.
    keep_sent_numbers: bool = True
    #: "Warn if duplicate number is used" is on, so that a number used twice is fault 6140.
    warn_duplicate_numbers: bool = True
    #: Negative lines of a deposit are fault 2290. Widely used in practice; the error list says they are not supported.
    refuse_negative_deposit_lines: bool = False
    #: A requestid used again with another body is fault 600 instead of a replay of the first answer. Unsure.
    request_id_strict: bool = False
    #: Seconds that an answer is kept under its requestid. Unsure.
    request_id_seconds: int = 600
    #: A new refresh token with every refresh instead of about once a day (reported by users of the API).
    rotate_always: bool = True
    #: Seconds that a replaced refresh token still works. Unsure.
    refresh_overlap: int = 120
    #: The day the books are closed on is itself closed. Unsure.
    closing_day_closed: bool = True
    #: 429 comes with a Retry-After header. Reported as absent.
    retry_after: bool = False
    #: How a 429 is worded: the gateway's "lower" case like its 401, "upper" case, or "xml" whatever was asked for, as
    #: captured in 2016 and 2017 (quickbooks-ruby#348, python-quickbooks#43). Which of them is today's is unsure.
    throttle_form: str = "lower"
    #: ``operation=void`` and ``include=void`` both void whatever can be voided. The library knows one way each.
    void_either_way: bool = False
    #: Notices in the format that ended in 2026 instead of CloudEvents.
    legacy_notices: bool = False
    #: Later notices wait until a failed one was acknowledged (Intuit docs, Webhooks).
    withhold_notices: bool = True
    #: Changes made through the API send notices too. Assumed by everyone, stated nowhere.
    notify_own_changes: bool = True
    #: Properties nobody knows are fault 2010.
    refuse_unknown_properties: bool = True
    #: Documents outside the US must say GlobalTaxCalculation; off, its absence means TaxExcluded. Unsure.
    tax_mode_required: bool = True
    #: The Amount of a line without TaxInclusiveAmt has tax in it when the document is TaxInclusive. Unsure.
    inclusive_amount_is_gross: bool = False
    #: Documents of companies with several currencies must name theirs; off, the customer's is taken (docs: required).
    currency_required: bool = True
    #: Classes and locations that the company does not track are dropped without a word. Unsure.
    drop_untracked: bool = True
    #: A new document that names something inactive is fault 2500 instead of 610. Both were captured.
    inactive_is_2500: bool = False
    #: A customer merged into another stays as an inactive one; off, it is gone like a deleted one. Unsure.
    merged_kept: bool = True
    #: The code of the fault for a look further back than 30 days. The window is documented, the code is not.
    too_far_back: str = "2090"
    #: Calls are counted in windows that begin with the clock's minute or second; off, in those just past. Unsure.
    fixed_windows: bool = True
    #: A refusal too is kept under its requestid and given again. Unsure.
    request_id_faults: bool = False
    #: Change data capture gives its thousand objects of each kind instead of all kinds together. Unsure.
    changes_each_kind: bool = False
    #: An item may be sold on a liability account, as retainers are. Unsure.
    sell_to_liability: bool = True
    #: An item may be sold on an expense account, as Intuit's help has it for bad debts. Unsure through the API.
    sell_to_expense: bool = True
    #: A credit memo is applied by a line of a payment, which may be of nothing. Reported by users.
    credits_by_payment: bool = True
    #: Money of a payment that was given back is tied to that purchase by a line of type Expense. The reference lists
    #: the type; what it does is shown nowhere.
    payments_given_back: bool = True
    #: Other lines without TxnTaxDetail are taxed anew in the US too, as Intuit says of elsewhere. Unsure.
    us_taxed_anew: bool = True
    #: Outside the US a rate is worked out once on all it applies to; off, line by line. Unsure.
    tax_rounded_once: bool = True
    #: A currency no rate was set for is worth 1; off, 610 when asked for, and documents must say it. Unsure.
    unset_rate_is_one: bool = True
    #: Every spelling of RecurType that Intuit's pages use is taken; off, only the property's own description.
    any_recur_spelling: bool = True
    #: The mailing of a document is told. The column of Intuit's table can be read otherwise.
    notify_mailing: bool = True
    #: Days of tries every six hours before a notice is given up. Intuit names no end.
    notice_days: int = 7
    #: Most events in one notice. Unsure.
    notice_events: int = 50
    #: Money applied to a document gives it a new SyncToken. Unsure.
    applying_renews_token: bool = True
    #: The status of a method other than GET and POST. Unsure.
    other_method_status: int = 400
    #: Whose time a moment without an offset is: Intuit's servers' ("pacific"), "utc", or the "company"'s. Unsure.
    naive_zone: str = "pacific"
    #: Each item of a batch needs a bId that no other has. Unsure.
    batch_ids_unique: bool = True
    #: What is void already may be voided once more. Unsure.
    void_again: bool = False
    #: An invoice with money applied to it may be voided, which unapplies it (docs); refused in 2026 (reported).
    void_settled: bool = False
    #: Until redirect addresses are registered, any on this machine will do.
    loopback_redirects: bool = True


@dataclass
class AppRegistration:
    """The app as registered with Intuit: what its developer typed into the portal."""

    name: str = "Countersign"
    client_id: str = "SANDBOXQBOCLIENTID00000000000000000000000000000000"
    client_secret: str = "sandbox-quickbooks-client-secret"  # noqa: S105 (a sandbox's own)
    webhook_secret: str = "sandbox-quickbooks-verifier-token"  # noqa: S105 (a sandbox's own)
    redirect_uris: list[str] = field(default_factory=list)
