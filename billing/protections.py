"""What the database itself keeps from changing: the lines of issued invoices and of credit notes."""

from practice.core import triggers

_ISSUED = "(SELECT status FROM billing_invoice WHERE id = OLD.invoice_id) <> 'draft'"

triggers.protect(triggers.Guard("frozen_invoice_line", "billing_invoiceline", condition=_ISSUED))
triggers.protect(triggers.Guard("frozen_credit_line", "billing_creditnoteline"))
