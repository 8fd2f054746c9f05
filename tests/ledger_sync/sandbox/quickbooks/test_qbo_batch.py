"""Batches, the log of changes, and uploads."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from practice.core import clock
from practice.core.sandbox.http import Request
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, head


def item(app: App, bid: str, number: str, **fields: Any) -> dict[str, Any]:
    body = {"CustomerRef": {"value": "1"}, "DocNumber": number, "Line": [app.line()], **fields}
    return {"bId": bid, "operation": "create", "Invoice": body}


def run(app: App, *items: dict[str, Any], args: str = "") -> list[dict[str, Any]]:
    answer = app.call("POST", f"/batch{args}", {"BatchItemRequest": list(items)})
    assert answer.status == 200, answer.body
    return answer.json()["BatchItemResponse"]


def test_items_stand_alone_and_tell_their_own_fault(app: App) -> None:
    good, bad, found = run(
        app, item(app, "1", "A-1"), item(app, "2", "A-1"), {"bId": "3", "Query": "select count(*) from Invoice"}
    )
    assert (good["bId"], good["Invoice"]["DocNumber"]) == ("1", "A-1")
    assert bad["Fault"]["Error"][0]["code"] == "6140"
    assert bad["Fault"]["type"] == "ValidationFault"
    assert found["QueryResponse"]["totalCount"] == 1


def test_every_operation(app: App) -> None:
    (made,) = run(app, item(app, "1", "A-1"))
    row = made["Invoice"]
    change = {"bId": "1", "operation": "update", "Invoice": {**head(row), "sparse": True, "PrivateNote": "x"}}
    (changed,) = run(app, change)
    assert changed["Invoice"]["PrivateNote"] == "x"
    void = {"bId": "1", "operation": "update", "optionsData": "include=void", "Invoice": head(changed["Invoice"])}
    (voided,) = run(app, void)
    assert voided["Invoice"]["TotalAmt"] == 0
    (gone,) = run(app, {"bId": "1", "operation": "delete", "Invoice": head(voided["Invoice"])})
    assert gone["Invoice"]["status"] == "Deleted"
    (odd,) = run(app, {"bId": "1", "operation": "revert", "Invoice": head(row)})
    assert odd["Fault"]["Error"][0]["code"] == "500"
    (nothing,) = run(app, {"bId": "1", "operation": "create"})
    assert nothing["Fault"]["Error"][0]["code"] == "500"


def test_a_batch_holds_one_to_thirty_items(app: App) -> None:
    thirty = [item(app, str(n), f"A-{n}") for n in range(30)]
    assert len(run(app, *thirty)) == 30
    many = app.call("POST", "/batch", {"BatchItemRequest": [*thirty, item(app, "31", "A-31")]})
    assert many.json()["Fault"]["Error"][0]["code"] == "1040"
    assert "Batch Request is Empty" in app.call("POST", "/batch", {"BatchItemRequest": []}).body.decode()


def test_a_batch_replays_as_a_whole(app: App) -> None:
    body = (item(app, "1", "A-1"), item(app, "2", "A-1"))
    assert run(app, *body, args="?requestid=b-1") == run(app, *body, args="?requestid=b-1")
    assert len(app.sandbox.dump()[f"{app.realm}:Invoice"]) == 1


def changes(app: App, names: str, since: str) -> list[dict[str, Any]]:
    answer = app.call("GET", f"/cdc?entities={names.replace(',', '%2C')}&changedSince={since.replace('+', '%2B')}")
    assert answer.status == 200, answer.body
    return answer.json()["CDCResponse"][0]["QueryResponse"]


def test_the_log_tells_changes_voids_deactivations_and_deletions(app: App) -> None:
    kept, dropped, voided = app.invoice(), app.invoice(), app.invoice()
    clock.advance(minutes=5)
    since = clock.now().isoformat()
    app.post("Invoice", head(dropped), "?operation=delete")
    app.post("Invoice", head(voided), "?operation=void")
    app.change("Customer", app.get("Customer", "2"), Active=False)
    invoices, customers, terms = changes(app, "Invoice,Customer,Term", since)
    by_id = {row["Id"]: row for row in invoices["Invoice"]}
    assert kept["Id"] not in by_id
    assert by_id[dropped["Id"]]["status"] == "Deleted"
    assert (by_id[voided["Id"]]["TotalAmt"], by_id[voided["Id"]]["PrivateNote"]) == (0, "Voided")
    assert customers["Customer"][0]["Active"] is False
    assert terms == {}


def test_the_log_has_an_end_and_a_size(app: App, sandbox: QuickBooksSandbox) -> None:
    old = (clock.now() - timedelta(days=31)).isoformat()
    assert app.call("GET", f"/cdc?entities=Invoice&changedSince={old.replace('+', '%2B')}").status == 400
    assert app.call("GET", "/cdc?entities=Invoice&changedSince=yesterday").status == 400
    now = clock.now().isoformat().replace("+", "%2B")
    assert app.call("GET", f"/cdc?entities=TaxCode&changedSince={now}").status == 400
    for _ in range(4):
        app.invoice()
    sandbox.limits.changes = 3
    assert len(changes(app, "Invoice", clock.now().isoformat())[0]["Invoice"]) == 3


def test_an_upload_as_the_library_writes_it(app: App) -> None:
    invoice = app.invoice()
    text = base64.b64encode(b"%PDF-1.4 hello").decode()
    link = {"EntityRef": {"type": "Invoice", "value": invoice["Id"]}}
    meta = json.dumps({"AttachableRef": [link], "FileName": "letter.pdf", "ContentType": "application/pdf"})
    mark = "-------------PythonMultipartPost"
    body = f"""
--{mark}
Content-Disposition: form-data; name="file_metadata_01"
Content-Type: application/json

{meta}

--{mark}
Content-Disposition: form-data; name="file_content_01"
Content-Type: application/pdf
Content-Transfer-Encoding: base64

{text}

--{mark}--
"""
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    row = app.call("POST", "/upload", body, **headers).json()["AttachableResponse"][0]["Attachable"]
    assert (row["FileName"], row["Size"]) == ("letter.pdf", 14)
    url = app.call("GET", f"/download/{row['Id']}").body.decode()
    assert app.sandbox.handle(Request.build("GET", url)).body == b"%PDF-1.4 hello"
    clock.advance(minutes=16)
    assert app.sandbox.handle(Request.build("GET", url)).status == 403, "the address works for fifteen minutes"
    clock.advance(minutes=-16)
    crlf = body.lstrip("\n").replace("\n", "\r\n").replace("letter.pdf", "letter.exe")
    refused = app.call("POST", "/upload", crlf, **headers).json()["AttachableResponse"][0]
    assert refused["Fault"]["Error"][0]["code"] == "6041"
    assert app.call("POST", "/upload", "nothing", **headers).status == 400
    assert app.call("POST", "/upload", "nothing").status == 400


def test_notes_on_documents(app: App) -> None:
    note = {"Note": "Called", "AttachableRef": [{"EntityRef": {"type": "Customer", "value": "1"}}]}
    row = app.post("Attachable", note)
    assert app.get("Attachable", row["Id"])["Note"] == "Called"
    assert app.post("Attachable", head(row), "?operation=delete")["status"] == "Deleted"
    wrong = {"Note": "x", "AttachableRef": [{"EntityRef": {"type": "Customer", "value": "99"}}]}
    assert app.code("Attachable", wrong) == "2500"
    assert app.code("Attachable", {"Note": "x" * 2001}) == "2050"


def test_bytes_come_back_as_they_were_sent_and_under_no_header_of_the_senders(app: App) -> None:
    sent = bytes(range(256)) + b"\r\n\n\r\n"
    head = b'--x\r\nContent-Disposition: form-data; name="file_content_01"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    row = app.call("POST", "/upload", head + sent + b"\r\n--x--\r\n", **headers).json()["AttachableResponse"][0][
        "Attachable"
    ]
    got = app.sandbox.handle(Request.build("GET", row["TempDownloadUri"]))
    assert (got.body, got.headers["Content-Type"]) == (sent, "application/pdf")
    odd = app.change("Attachable", app.get("Attachable", row["Id"]), ContentType="a/b\r\nX: y")
    assert (
        app.sandbox.handle(Request.build("GET", odd["TempDownloadUri"])).headers["Content-Type"]
        == "application/octet-stream"
    )


def test_a_change_query_in_a_batch(app: App) -> None:
    row = app.invoice()
    asked = {"Entities": "Invoice", "ChangedSince": "2026-11-20T00:00:00Z"}
    (found,) = run(app, {"bId": "1", "CDCQuery": asked})
    assert found["CDCResponse"][0]["QueryResponse"][0]["Invoice"][0]["Id"] == row["Id"]
