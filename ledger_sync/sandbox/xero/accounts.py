"""The chart of accounts, and the tax rates that its lines carry."""

from __future__ import annotations

from ledger_sync.sandbox.xero import wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.wire import Row

#: Account type → class (Xero docs, Types).
CLASSES = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "CURRLIAB": "LIABILITY",
    "DEPRECIATN": "EXPENSE",
    "DIRECTCOSTS": "EXPENSE",
    "EQUITY": "EQUITY",
    "EXPENSE": "EXPENSE",
    "FIXED": "ASSET",
    "INVENTORY": "ASSET",
    "LIABILITY": "LIABILITY",
    "NONCURRENT": "ASSET",
    "OTHERINCOME": "REVENUE",
    "OVERHEADS": "EXPENSE",
    "PREPAYMENT": "ASSET",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
    "TERMLIAB": "LIABILITY",
    "PAYG": "LIABILITY",
}
_WRITABLE = (
    "Code Name Type Description TaxType EnablePaymentsToAccount ShowInExpenseClaims BankAccountNumber BankAccountType "
    "CurrencyCode AddToWatchlist"
).split()


def by_code(books: Books, code: str) -> Row | None:
    """The account with a code, archived or not."""
    return books.get("Accounts", books.holder("AccountCodes", code)) if code else None


def find(books: Books, reference: object) -> Row | None:
    """The account that ``{"AccountID"}`` or ``{"Code"}`` names; not every account has a code."""
    if not isinstance(reference, dict):
        return None
    if reference.get("AccountID"):
        return books.get("Accounts", reference["AccountID"])
    return by_code(books, str(reference.get("Code") or ""))


def system(books: Books, name: str) -> Row:
    """The account that plays a system role, such as DEBTORS."""
    return next(row for row in books.table("Accounts").values() if row.get("SystemAccount") == name)


def short(row: Row) -> Row:
    """An account as it stands inside a payment or a bank transaction."""
    return {key: row[key] for key in ("AccountID", "Code", "Name") if key in row}


def save(books: Books, data: Row, method: str) -> Row:
    """Create or change an account. Raises Invalid; the duplicate texts are the specification's."""
    existing = books.get("Accounts", data.get("AccountID"))
    if existing is None and data.get("AccountID"):
        raise Invalid("Account could not be found.")
    if existing is not None and method == "PUT":
        raise Invalid("Please enter a unique Name.")
    if existing is not None and data.get("Status") == "ARCHIVED":
        return archive(books, existing)
    row = _checked(books, {key: data[key] for key in _WRITABLE if data.get(key) is not None}, existing)
    _take_names(books, row, existing)
    saved = books.touch("Accounts", row)
    books.note("Accounts", row["AccountID"], "Edited" if existing else "Created")
    return saved


def _checked(books: Books, fields: Row, existing: Row | None) -> Row:
    row = {**(existing or {"AccountID": books.ids.new(), "Status": "ACTIVE", "HasAttachments": False}), **fields}
    if not row.get("Code") and row.get("Type") != "BANK":
        raise Invalid("The account code is required.")
    if not row.get("Name"):
        raise Invalid("The account name is required.")
    if len(str(row.get("Code", ""))) > 10:
        raise Invalid("The account code cannot be longer than 10 characters.")
    if row.get("Type") not in CLASSES:
        raise Invalid("The account type is not valid.")
    if existing is not None and existing.get("SystemAccount") and row["Type"] != existing["Type"]:
        raise Invalid("The type of a system account cannot be changed.")
    row["Class"] = CLASSES[row["Type"]]
    row.setdefault("TaxType", "BASEXCLUDED")
    row.setdefault("EnablePaymentsToAccount", False)
    row.setdefault("ReportingCode", row["Class"][:3])
    if row["Type"] == "BANK":
        row.setdefault("BankAccountType", "BANK")
        row.setdefault("CurrencyCode", books.organisation["BaseCurrency"])
        row.setdefault("BankAccountNumber", "")
    if books.get("TaxRates", row["TaxType"]) is None and row["TaxType"] != "NONE":
        raise Invalid(
            f"The TaxType code {row['TaxType']} does not exist or cannot be used for this type of transaction."
        )
    return row


def _take_names(books: Books, row: Row, existing: Row | None) -> None:
    for index, field in (("AccountCodes", "Code"), ("AccountNames", "Name")):
        name = str(row.get(field) or "")
        holder = books.holder(index, name) if name else ""
        if holder and holder != row["AccountID"]:
            raise Invalid(f"Please enter a unique {field}.")
        if existing is not None and existing.get(field):
            books.release(index, existing[field])
        if name:
            books.hold(index, name, row["AccountID"])


def archive(books: Books, row: Row) -> Row:
    """Archive an account. Raises Invalid for a system account (unsure: switch archive_system_accounts)."""
    if row.get("SystemAccount") and not books.switches.archive_system_accounts:
        raise Invalid("System accounts cannot be archived.")
    books.note("Accounts", row["AccountID"], "Archived")
    return books.touch("Accounts", row, Status="ARCHIVED")


def restore(books: Books, row: Row) -> Row:
    """Bring an archived account back."""
    books.note("Accounts", row["AccountID"], "Restored")
    return books.touch("Accounts", row, Status="ACTIVE")


def delete(books: Books, row: Row) -> Row:
    """Delete an account nobody has used. Raises Invalid otherwise (unsure: switch delete_used_accounts)."""
    if row.get("SystemAccount") or (_is_used(books, row) and not books.switches.delete_used_accounts):
        raise Invalid("This account cannot be deleted because it is in use.")
    books.release("AccountCodes", row.get("Code", ""))
    books.release("AccountNames", row["Name"])
    return books.touch("Accounts", row, Status="DELETED")


def _is_used(books: Books, account: Row) -> bool:
    for kind in ("Invoices", "CreditNotes", "BankTransactions"):
        for row in books.table(kind).values():
            if row.get("_bank") == account["AccountID"]:
                return True
            if any(line.get("AccountID") == account["AccountID"] for line in row.get("LineItems", [])):
                return True
    return any(row["_account"] == account["AccountID"] for row in books.table("Payments").values())


def takes_payments(row: Row) -> bool:
    """Whether payments may go to an account: a bank account, or one enabled for payments (Xero docs, Payments)."""
    return row["Status"] == "ACTIVE" and (row["Type"] == "BANK" or bool(row.get("EnablePaymentsToAccount")))


# Tax rates


def tax_applies(rate: Row, account: Row) -> bool:
    """Whether a tax rate may be used with an account, by the account's class."""
    field = {
        "ASSET": "CanApplyToAssets",
        "EQUITY": "CanApplyToEquity",
        "EXPENSE": "CanApplyToExpenses",
        "LIABILITY": "CanApplyToLiabilities",
        "REVENUE": "CanApplyToRevenue",
    }[account["Class"]]
    return bool(rate[field])


def save_tax_rate(books: Books, data: Row, method: str) -> Row:
    """Create a tax rate (Xero gives it the next TAX00n code) or change one. Raises Invalid; texts unsure."""
    existing = books.get("TaxRates", data.get("TaxType"))
    if existing is None and data.get("Name"):
        existing = next((r for r in books.table("TaxRates").values() if wire.same_text(r["Name"], data["Name"])), None)
    if existing is not None and method == "PUT":
        raise Invalid("Please enter a unique Name.")
    if existing is None and not (data.get("Name") and data.get("TaxComponents")):
        raise Invalid("A tax rate needs a Name and at least one TaxComponent.")
    if existing is not None and data.get("Status") in ("DELETED", "ARCHIVED"):
        return books.put("TaxRates", {**existing, "Status": data["Status"]})
    row = dict(existing or _new_rate(books, data))
    if data.get("TaxComponents"):
        row.update(_components(data["TaxComponents"]))
    row.update({key: data[key] for key in ("Name", "ReportTaxType") if data.get(key)})
    return books.put("TaxRates", row)


def _new_rate(books: Books, data: Row) -> Row:
    number = sum(1 for row in books.table("TaxRates").values() if row["TaxType"].startswith("TAX0")) + 1
    applies = dict.fromkeys(("Assets", "Equity", "Expenses", "Liabilities", "Revenue"), True)
    return {
        "Name": data["Name"],
        "TaxType": f"TAX{number:03}",
        "ReportTaxType": data.get("ReportTaxType", "OUTPUT"),
        **{f"CanApplyTo{name}": value for name, value in applies.items()},
        "Status": "ACTIVE",
    }


def _components(components: object) -> Row:
    if not isinstance(components, list):
        raise Invalid("TaxComponents must be a list.")
    clean: list[Row] = []
    total = wire.as_number("0") or wire.ZERO
    for component in components:
        rate = wire.as_number(component.get("Rate"))
        if rate is None or rate < 0:
            raise Invalid("The tax component rate is not valid.")
        compound = bool(component.get("IsCompound"))
        total += rate + (total * rate / 100 if compound else 0)
        clean.append(
            {
                "Name": component.get("Name", "Tax"),
                "Rate": wire.places(rate, 4),
                "IsCompound": compound,
                "IsNonRecoverable": bool(component.get("IsNonRecoverable")),
            }
        )
    shown = wire.places(total, 4)
    return {"TaxComponents": clean, "DisplayTaxRate": shown, "EffectiveRate": shown}
