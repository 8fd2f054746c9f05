"""Mandates: the payer's permission to debit a bank account (docs.stripe.com/api/mandates)."""

from __future__ import annotations

from billing.sandbox.stripe.books import Books
from billing.sandbox.stripe.wire import Refused, Row


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One mandate. Raises Refused."""
    return books.find("mandate", key)


def standing(books: Books, method: Row) -> Row | None:
    """The active mandate of a payment method, if it has one."""
    for row in books.rows("mandate"):
        if row["payment_method"] == method["id"] and row["status"] == "active" and row["type"] == "multi_use":
            return row
    return None


def need(books: Books, method: Row, params: Row, *, single_use: bool = False) -> Row | None:
    """The mandate a debit rests on: the standing one, the one named, or a new one from ``mandate_data``.

    Cards need none outside India. Raises Refused when there is no permission (docs.stripe.com/error-codes,
    ``payment_intent_mandate_invalid``).
    """
    if method["type"] == "card":
        return None
    if named := params.get("mandate"):
        row = books.find("mandate", named, "mandate")
        if row["payment_method"] != method["id"] or row["status"] != "active":
            raise Refused("The provided mandate is invalid.", code="payment_intent_mandate_invalid", param="mandate")
        return row
    if found := standing(books, method):
        return found
    acceptance = (params.get("mandate_data") or {}).get("customer_acceptance")
    if not acceptance:
        raise Refused(
            f"You must provide mandate_data or a mandate to use a PaymentMethod of type {method['type']}.",
            code="payment_intent_mandate_invalid",
            param="mandate_data",
        )
    return _create(books, method, acceptance, single_use)


def _create(books: Books, method: Row, acceptance: Row, single_use: bool) -> Row:
    kind = acceptance["type"]
    if kind not in ("online", "offline"):
        raise Refused(
            "Invalid mandate_data[customer_acceptance][type]: must be one of online or offline",
            param="mandate_data[customer_acceptance][type]",
        )
    if kind == "online" and not acceptance.get("online"):
        raise Refused(
            "Missing required param: mandate_data[customer_acceptance][online].",
            code="parameter_missing",
            param="mandate_data[customer_acceptance][online]",
        )
    row = books.new(
        "mandate",
        "mandate_",
        {
            "customer_acceptance": {
                "accepted_at": acceptance.get("accepted_at", books.moment),
                "type": kind,
                kind: acceptance.get(kind, {}),
            },
            "payment_method": method["id"],
            "payment_method_details": {"type": method["type"], method["type"]: _details(books, method)},
            "status": "active",
            "type": "single_use" if single_use else "multi_use",
            ("single_use" if single_use else "multi_use"): {},
        },
    )
    del row["created"]  # a mandate carries no moment of its own
    return books.save(row)


def end(books: Books, method: Row) -> None:
    """Make a method's mandates inactive, as an unauthorised return does."""
    for row in list(books.rows("mandate")):
        if row["payment_method"] == method["id"] and row["status"] == "active":
            changed = books.find("mandate", row["id"])
            changed["status"] = "inactive"
            books.save(changed)
            books.emit("mandate.updated", changed, {"status": "active"})


def _details(books: Books, method: Row) -> Row:
    url = f"{books.base_url}/mandates/{method['id']}"
    if method["type"] == "au_becs_debit":
        return {"url": url}
    if method["type"] == "sepa_debit":
        return {"reference": books.token("", 12).upper(), "url": url}
    return {}
