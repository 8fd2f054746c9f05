"""Whatever QuickBooks answers, or does not: every document arrives once, and a person hears of what they must do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from billing.models import Invoice
from ledger_sync.connection import connecting, connections, mapping
from ledger_sync.models import Call, Connection, Link, Snag
from ledger_sync.ports import Disconnected, OutcomeUnknown, Rejected, TryLater
from ledger_sync.providers.quickbooks import oauth
from ledger_sync.providers.quickbooks.client import Client, base, quoted
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import clock
from practice.core.sandbox.faults import Fault

pytestmark = pytest.mark.django_db(transaction=True)


def accept(firm: Any, bell: Any) -> Invoice:
    """A client and an item that are there already, then one more invoice."""
    client = firm.client("Sunny Side Daycare")
    firm.agreement(client, "P-0001")
    bell.answer()
    _, (invoice,) = firm.agreement(client, "P-0002")
    return invoice


def later(connection: Connection, **amount: int) -> None:
    clock.advance(**amount)
    pushing.push(connection.pk)


def numbered(there: Any, invoice: Invoice) -> list[dict[str, Any]]:
    return [row for row in there.rows("Invoice") if row.get("DocNumber") == invoice.number]


@pytest.mark.parametrize("kind", ["response_lost", "truncated", "html_instead"])
def test_an_answer_that_was_lost_makes_one_invoice(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any, kind: str
) -> None:
    invoice = accept(firm, bell)
    qbo.faults.order(Fault(kind, match="/batch"))
    bell.answer()
    assert Call.objects.filter(closed_at__isnull=True).count() == 1
    later(connection, seconds=70)
    assert len(numbered(there, invoice)) == 1
    assert not Link.objects.get(invoice=invoice).owes
    assert Call.objects.get(operation="qbo.invoice.main.create", sends=2).outcome == "done"


def test_an_answer_lost_and_a_key_forgotten_is_looked_up(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    invoice = accept(firm, bell)
    qbo.faults.order(Fault("response_lost", match="/batch"))
    bell.answer()
    qbo.settings.request_id_seconds = 0
    later(connection, minutes=6)
    later(connection, minutes=3)
    assert len(numbered(there, invoice)) == 1
    assert not Link.objects.get(invoice=invoice).owes


def test_a_customer_renamed_before_we_knew_it_was_made_is_not_made_again(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    client = firm.client("Sunny Side Daycare")
    before = len(there.rows("Customer"))
    qbo.faults.order(Fault("response_lost", match="/batch"))
    firm.agreement(client)
    bell.answer()
    qbo.settings.request_id_seconds = 0
    (made,) = [row for row in there.rows("Customer") if row["DisplayName"] == client.name]
    qbo.bookkeeper.edit_customer(made["Id"], {"DisplayName": "Sunny Side Preschool"})
    for _ in range(3):
        later(connection, minutes=6)
        bell.answer()
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    assert len(there.rows("Customer")) == before + 1
    assert Link.objects.get(client=client).remote_id == made["Id"]
    assert not Link.objects.filter(owed_since__isnull=False).exists()
    client.refresh_from_db()
    assert client.name == "Sunny Side Preschool"


def test_a_request_that_never_arrived_is_sent_anew_after_looking(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    invoice = accept(firm, bell)
    qbo.faults.order(Fault("reset", match="/batch"))
    bell.answer()
    later(connection, minutes=6)
    later(connection, minutes=3)
    assert len(numbered(there, invoice)) == 1
    assert {c.outcome for c in Call.objects.filter(operation="qbo.invoice.main.create")} == {"done", "unknown_absent"}


@pytest.mark.parametrize(
    "kind",
    ["client", "item", "payment"],
)
def test_every_kind_is_found_again_after_a_lost_answer(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any, kind: str
) -> None:
    client = firm.client("Sunny Side Daycare")
    matches = {"client": ("Customer", 1), "item": ("Item", 1), "payment": ("Payment", 1)}
    before = {name: len(there.rows(name)) for name, _ in matches.values()}
    qbo.settings.request_id_seconds = 0
    if kind == "payment":
        _, (invoice,) = firm.agreement(client)
        bell.answer()
        qbo.faults.order(Fault("response_lost", match="/batch"))
        firm.paid_by_card(client, "1000.00", (invoice, "1000.00"), ref="ch_" + "x" * 30)
        bell.answer()
    else:
        if kind == "item":
            firm.agreement(client)
            bell.rung.clear()
        qbo.faults.order(Fault("response_lost", match="/batch", times=1))
        _, (invoice,) = firm.agreement(client, "P-0002")
        bell.answer()
        if kind == "item":
            later(connection, minutes=6)
            qbo.faults.order(Fault("response_lost", match="/batch", times=1))
    for _ in range(4):
        later(connection, minutes=6)
    entity, many = matches[kind]
    assert len(there.rows(entity)) == before[entity] + many
    assert not Link.objects.filter(owed_since__isnull=False).exists()


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        (Fault("rate_limited", match="/batch"), 61),
        (Fault("rate_limited", match="/batch", detail="upper", retry_after=20), 21),
        (Fault("unavailable_html", match="/batch", seconds=20), 130),
        (Fault("server_error", match="/batch", detail="6000"), 121),
    ],
)
def test_try_later_is_tried_later_and_done_once(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any, fault: Fault, wait: int
) -> None:
    invoice = accept(firm, bell)
    qbo.faults.order(fault)
    bell.answer()
    assert numbered(there, invoice) == []
    assert Call.objects.order_by("pk").last().outcome == "try_later"
    later(connection, seconds=wait)
    assert len(numbered(there, invoice)) == 1


@pytest.mark.parametrize("status", ["500", "503", "200"])
def test_an_error_of_quickbooks_own_is_looked_into(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any, status: str
) -> None:
    invoice = accept(firm, bell)
    qbo.faults.order(Fault("server_error", match="/batch", detail=status))
    bell.answer()
    assert Call.objects.filter(closed_at__isnull=True).count() == 1
    later(connection, seconds=70)
    assert len(numbered(there, invoice)) == 1


def test_a_spent_token_is_renewed_within_the_call(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    invoice = accept(firm, bell)
    qbo.faults.order(Fault("unauthorised", match="/batch"))
    bell.answer()
    assert len(numbered(there, invoice)) == 1
    assert Connection.objects.get().state == Connection.State.LIVE
    assert Connection.objects.get().tokens.generation == 2


def test_access_removed_there_disconnects_and_keeps_what_is_owed(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    invoice = accept(firm, bell)
    qbo.bookkeeper.disconnect()
    bell.answer()
    assert Connection.objects.get().state == Connection.State.DISCONNECTED
    assert Link.objects.get(invoice=invoice).owes
    connecting.connect_sandbox(entity=firm.entity, provider="quickbooks", keys=qbo.credentials())
    bell.answer()
    assert len(numbered(there, invoice)) == 1


def test_the_wrong_company_disconnects(firm: Any, connection: Connection, qbo: Any, bell: Any) -> None:
    accept(firm, bell)
    qbo.faults.order(Fault("unauthorised", match="/batch", detail="3100"))
    bell.answer()
    assert Connection.objects.get().state == Connection.State.DISCONNECTED


def test_a_name_that_a_vendor_has_is_parked_once_and_sent_after_it_was_changed(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    client = firm.client("Prairie Power & Light")
    firm.agreement(client)
    bell.answer()
    snag = Snag.objects.get()
    assert (snag.code, snag.facts["name"]) == ("name_taken", "Prairie Power & Light")
    assert Call.objects.count() == 2
    assert not Link.objects.get(client=client).exists_there


def test_another_customer_of_the_same_name_is_never_taken_over(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    customers = len(there.rows("Customer"))
    client = firm.client("Umber Pottery")
    firm.agreement(client)
    bell.answer()
    assert Snag.objects.get().code == "name_taken"
    assert Link.objects.get(client=client).remote_id is None
    assert len(there.rows("Customer")) == customers


def test_a_number_used_by_somebody_elses_invoice_is_parked_and_not_posted(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    item = there.rows("Item")[0]["Id"]
    line = {"Amount": 5, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": item}}}
    qbo.bookkeeper.add_invoice({"CustomerRef": {"value": "1"}, "DocNumber": "CS-00001", "Line": [line]})
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    assert invoice.number == "CS-00001"
    assert Link.objects.get(invoice=invoice).parked_code == "number_taken"
    assert len(numbered(there, invoice)) == 1


def test_an_item_of_that_name_and_account_is_used_and_gets_our_code(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    from ledger_sync.sandbox.quickbooks import saving
    from ledger_sync.sandbox.quickbooks.entities import ENTITIES
    from ledger_sync.sandbox.quickbooks.saving import Options

    with qbo.store.transaction():
        body = {"Name": "Bookkeeping", "IncomeAccountRef": {"value": there.account("Services")}}
        made = saving.create(qbo.books(qbo.realm_id), ENTITIES["item"], body, Options())
    firm.agreement(firm.client())
    bell.answer()
    assert Link.objects.get(service=firm.service).remote_id == made["Id"]
    assert len([row for row in there.rows("Item") if row["Name"] == "Bookkeeping"]) == 1


def test_one_bad_document_of_a_batch_holds_up_no_other(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    firm.agreement(firm.client("Prairie Power & Light"), "P-0001")
    _, (good,) = firm.agreement(firm.client("Sunny Side Daycare"), "P-0002")
    bell.answer()
    assert len(numbered(there, good)) == 1
    assert Snag.objects.count() == 1


def test_an_account_made_inactive_is_told_before_anything_is_sent(
    firm: Any, connection: Connection, qbo: Any, bell: Any
) -> None:
    qbo.bookkeeper.archive_account("Services")
    pulling.pull(connection.pk, references=True)
    calls = Call.objects.count()
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    assert Snag.objects.filter(code="account_archived").exists()
    assert not Link.objects.get(invoice=invoice).exists_there
    assert Call.objects.filter(operation__startswith="qbo.invoice").count() == 0
    assert Call.objects.count() == calls + 1


def test_after_choosing_another_account_the_item_moves_and_what_waited_is_sent(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    firm.agreement(firm.client("Sunny Side Daycare"), "P-0001")
    bell.answer()
    qbo.bookkeeper.archive_account("Services")
    pulling.pull(connection.pk, references=True)
    _, (invoice,) = firm.agreement(firm.client(), "P-0002")
    bell.answer()
    assert Link.objects.get(invoice=invoice).parked_code == "account_archived"
    advisory = connection.ref_items.get(kind="account", name="Advisory")
    mapping.choose(connection=connection, purpose="sales", target_id=advisory.pk)
    connections.try_again(connection_id=connection.pk)
    bell.answer()
    assert there.of(Link.objects.get(service=firm.service))["IncomeAccountRef"]["value"] == advisory.remote_id
    line = numbered(there, invoice)[0]["Line"][0]["SalesItemLineDetail"]
    assert line["ItemAccountRef"]["value"] == advisory.remote_id


def test_an_account_made_inactive_since_is_refused_and_parked(
    firm: Any, connection: Connection, qbo: Any, bell: Any
) -> None:
    invoice = accept(firm, bell)
    qbo.bookkeeper.archive_account("Services")
    bell.answer()
    assert Link.objects.get(invoice=invoice).parked_code == "account_archived"


@pytest.mark.parametrize("kept", [0, 600])
def test_money_is_never_booked_twice_however_soon_quickbooks_forgets_a_key(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any, kept: int
) -> None:
    invoice = accept(firm, bell)
    bell.answer()
    qbo.settings.request_id_seconds = kept
    qbo.faults.order(Fault("response_lost", match="/batch"))
    payment = firm.paid_by_card(invoice.client, "400.00", (invoice, "400.00"))
    bell.answer()
    for _ in range(8):
        later(connection, seconds=66)
    link = Link.objects.get(payment=payment)
    assert not link.owes
    assert [row["TotalAmt"] for row in there.rows("Payment") if row["Id"] >= link.remote_id] == ["400.00"]
    assert not Snag.objects.exists()


# The client itself


def client_of(qbo: Any) -> Client:
    keys = qbo.credentials()
    token = oauth.refresh(keys["refresh_token"])["access_token"]
    return Client(keys["realm_id"], lambda: token, lambda _: None)


def test_each_failure_is_one_of_four(qbo: Any) -> None:
    client = client_of(qbo)
    for fault, failure in (
        (Fault("unauthorised", match="/v3/", times=2), Disconnected),
        (Fault("unauthorised", match="/v3/", detail="3100"), Disconnected),
        (Fault("rate_limited", match="/v3/"), TryLater),
        (Fault("unavailable_html", match="/v3/"), TryLater),
        (Fault("server_error", match="/v3/"), OutcomeUnknown),
        (Fault("reset", match="/v3/"), OutcomeUnknown),
        (Fault("timeout", match="/v3/"), OutcomeUnknown),
        (Fault("truncated", match="/v3/"), OutcomeUnknown),
        (Fault("html_instead", match="/v3/"), OutcomeUnknown),
    ):
        qbo.faults.order(fault)
        with pytest.raises(failure):
            client.call("GET", "/preferences")
    with pytest.raises(Rejected) as refused:
        client.query("SELECT * FROM Nonsense", "Nonsense")
    assert refused.value.status == 400
    assert client.call("GET", "/preferences").request_id


def test_a_signature_of_quotes_and_backslashes_stays_one_text(qbo: Any) -> None:
    client = client_of(qbo)
    name = "Tern's \\ \"Boat\\"
    qbo.bookkeeper.add_customer({"DisplayName": name})
    assert quoted("a\\") == "'a\\\\'"
    assert [row["DisplayName"] for row in client.everything("Customer", f"DisplayName = {quoted(name)}")] == [name]


def test_names_outside_latin_arrive_whole(firm: Any, connection: Connection, there: Any, bell: Any) -> None:
    client = firm.client("Żółw & Söhne 東京 LLC")
    firm.agreement(client)
    bell.answer()
    assert there.of(Link.objects.get(client=client))["DisplayName"] == client.name


def test_a_refused_refresh_disconnects_and_a_busy_sign_in_is_tried_later(qbo: Any) -> None:
    with pytest.raises(Disconnected):
        oauth.refresh("nonsense")
    qbo.faults.order(Fault("server_error", match="/tokens/bearer"))
    with pytest.raises(TryLater):
        oauth.refresh(qbo.credentials()["refresh_token"])
    qbo.faults.order(Fault("reset", match="/tokens/bearer"))
    with pytest.raises(TryLater):
        oauth.refresh(qbo.credentials()["refresh_token"])


def test_tokens_never_travel_in_the_clear(settings: Any) -> None:
    settings.QBO_BASE = "http://ledger.example"
    with pytest.raises(ImproperlyConfigured):
        base()
    for address in ("http://127.0.0.1:9000", "http://qbo.test", "https://sandbox-quickbooks.api.intuit.com"):
        settings.QBO_BASE = address
        assert base() == address
    settings.QBO_BASE = ""
    assert base() == "https://quickbooks.api.intuit.com"


def test_consent_leads_to_a_connection(firm: Any, qbo: Any) -> None:
    from urllib.parse import parse_qsl, urlencode, urlsplit

    from practice.core.sandbox.http import Request

    back = "http://localhost:8000/hooks/quickbooks/callback/"
    page = oauth.authorise_url(state="s1", redirect_uri=back)
    form = {**dict(parse_qsl(urlsplit(page).query)), "realm": qbo.realm_id, "answer": "connect"}
    answer = qbo.handle(Request.build("POST", "/connect/oauth2", {}, urlencode(form)))
    got = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
    assert (got["state"], got["realmId"]) == ("s1", qbo.realm_id)
    (row,) = connecting.from_consent(
        entity=firm.entity, provider="quickbooks", code=got["code"], redirect_uri=back, realm=got["realmId"]
    )
    assert (row.name, row.remote_org, row.state) == ("Larkin CPA", qbo.realm_id, Connection.State.MATCHING)
    with pytest.raises(Disconnected):
        oauth.exchange(code=got["code"], redirect_uri=back)


def test_leaving_gives_intuit_the_access_back(connection: Connection, qbo: Any, bell: Any) -> None:
    client = client_of(qbo)
    connections.leave(connection_id=connection.pk)
    bell.answer()
    with pytest.raises(Disconnected):
        client.call("GET", "/preferences")
    connection.refresh_from_db()
    assert connection.given_back_at == clock.now()
    oauth.give_back(connection.tokens, connection.remote_org)


def test_calls_are_paced_below_ten_a_second(qbo: Any) -> None:
    client = client_of(qbo)
    before = clock.now()
    for _ in range(17):
        client.call("GET", "/preferences")
    assert Decimal((clock.now() - before).total_seconds()) >= 2
