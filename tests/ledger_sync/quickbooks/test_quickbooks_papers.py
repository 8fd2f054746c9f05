"""Our PDF hangs on the invoice in QuickBooks once, though a file sent twice would be there twice."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.urls import reverse

from billing.models import Invoice
from ledger_sync.connection import connections
from ledger_sync.models import Call, Connection, Link
from ledger_sync.push import pushing
from practice.core import clock
from practice.core.sandbox.faults import Fault
from practice.firm.models import Membership
from tests.firm import factories
from tests.ledger_sync.money_back import in_agreement

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def attaching(connection: Connection) -> Connection:
    return connections.choose_papers(connection_id=connection.pk, attach=True, note_acceptance=True)


def files(there: Any, invoice: Invoice) -> list[dict[str, Any]]:
    return [row for row in there.rows("Attachable") if row.get("FileName") == f"{invoice.number}.pdf"]


def test_the_pdf_hangs_on_the_invoice_and_nothing_is_noted(
    firm: Any, attaching: Connection, there: Any, bell: Any
) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    in_agreement(attaching, bell, invoice)
    (file,) = files(there, invoice)
    (ref,) = file["AttachableRef"]
    key = Link.objects.get(invoice=invoice, role="").remote_id
    assert (ref["EntityRef"], ref["IncludeOnSend"]) == ({"type": "Invoice", "value": key}, False)
    assert base64.b64decode(file["_content"])[:5] == b"%PDF-"
    assert not Link.objects.filter(kind="note").exists()


@pytest.mark.parametrize("fault", ["response_lost", "reset"])
def test_an_upload_that_was_never_answered_is_looked_for_and_there_once(
    firm: Any, attaching: Connection, qbo: Any, there: Any, bell: Any, fault: str
) -> None:
    qbo.faults.order(Fault(kind=fault, match="upload", method="POST", times=1))
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    for _ in range(4):
        clock.advance(minutes=3)
        pushing.ring_all()
        bell.answer()
    in_agreement(attaching, bell, invoice)
    assert len(files(there, invoice)) == 1
    first = Call.objects.filter(operation__startswith="qbo.attachment").order_by("pk").first()
    assert (first.sends, first.outcome) == (1, "unknown_found" if fault == "response_lost" else "unknown_absent")


def test_a_file_that_quickbooks_refuses_is_told_and_holds_up_nothing(
    firm: Any, attaching: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    qbo.limits.upload_bytes = 10
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    file = Link.objects.get(invoice=invoice, kind="attachment")
    assert (file.parked_code, file.remote_id) == ("refused", None)
    snag = file.snags.get()
    assert (snag.facts["what"], snag.facts["said"]) == (f"PDF of {invoice.number}", "The file is larger than 100 MB")
    assert snag.money == 0
    assert not Link.objects.get(invoice=invoice, role="").owes


def test_the_settings_page_says_that_quickbooks_takes_no_notes(firm: Any, connection: Connection, client: Any) -> None:
    client.force_login(factories.make_member(firm.practice, Membership.Role.OWNER, name="Olive"))
    url = reverse("ledger_settings", kwargs={"practice": firm.practice.slug, "connection_id": connection.pk})
    shown = client.get(url).content.decode()
    assert "QuickBooks has no history that notes could be added to" in shown
    assert "who accepted" not in shown
