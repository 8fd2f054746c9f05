"""Files on documents: the tolerant reading of an upload, its record, and the address to fetch it from."""

from __future__ import annotations

import base64
import binascii
import re

from ledger_sync.sandbox.quickbooks import errors, saving, wire
from ledger_sync.sandbox.quickbooks.books import KINDS, Books
from ledger_sync.sandbox.quickbooks.errors import Invalid, Problem
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core import clock
from practice.core.sandbox.http import Request

ATTACHABLE = frozenset("Note AttachableRef FileName ContentType Category Tag Lat Long PlaceName".split())
IGNORED = frozenset("FileAccessUri TempDownloadUri Size ThumbnailFileAccessUri ThumbnailTempDownloadUri".split())
#: A download address works for fifteen minutes (Intuit's reference, Attachable).
OPEN_SECONDS = 900
_TYPES = frozenset("ai csv doc docx eps gif jpg jpeg ods pdf png rtf tif txt xls xlsx xml".split())


def settle(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Check a note or the record of a file. Raises Invalid."""
    saving.limit(row, Note=2_000, FileName=1_000)
    for link in row.get("AttachableRef", []):
        target = link.get("EntityRef") or {}
        kind = str(target.get("type") or "")
        if kind and (kind not in KINDS or books.get(kind, target.get("value")) is None):
            raise Invalid(errors.bad_reference(kind, str(target.get("value"))))
    return row


def upload(books: Books, request: Request) -> Row:
    """Store the files of an upload; the answer lists what became of each. Raises Invalid where none can be read."""
    answers = []
    for metadata, content in _files(request):
        try:
            with books.store.transaction():
                answers.append({"Attachable": show(books, _keep(books, metadata, content))})
        except Invalid as invalid:
            answers.append({"Fault": errors.fault(invalid.problems)})
    if not answers:
        raise Invalid(errors.missing("file_content_01"))
    return {"AttachableResponse": answers}


def _keep(books: Books, metadata: Row, content: bytes) -> Row:
    name = str(metadata.get("FileName") or "")
    if len(content) > books.limits.upload_bytes:
        raise Invalid(Problem("6030", "File too large", "The file is larger than 100 MB"))
    if name.rpartition(".")[2].lower() not in _TYPES:
        raise Invalid(Problem("6041", "Unsupported file type", f"The type of {name} is not supported"))
    known = {key: value for key, value in metadata.items() if key in ATTACHABLE}
    fields = saving.fields_of(books, "Attachable", ATTACHABLE, known)
    row = settle(books, None, {"Id": books.next_id("Attachable"), **fields}, Options())
    return books.add("Attachable", {**row, "_content": base64.b64encode(content).decode(), "Size": len(content)})


def show(books: Books, row: Row) -> Row:
    """The record of a file, with a download address of its own."""
    shown = {key: value for key, value in row.items() if key[0] != "_"}
    if "_content" in row:
        uri = f"/v3/company/{books.realm}/download/{row['Id']}"
        ends = int(clock.now().timestamp()) + OPEN_SECONDS
        file = f"{books.base_url}/files/{books.realm}/{row['Id']}?expires={ends}"
        shown |= {"FileAccessUri": uri, "TempDownloadUri": file}
    return shown


def kind_of(row: Row) -> str:
    """The type of a file, if what its sender called it is one."""
    said = str(row.get("ContentType", ""))
    return said if re.fullmatch(r"[\w.+\-]{1,60}/[\w.+\-]{1,100}", said, re.ASCII) else "application/octet-stream"


def content(row: Row) -> bytes:
    """The bytes of a file."""
    return base64.b64decode(row.get("_content", ""))


def _files(request: Request) -> list[tuple[Row, bytes]]:
    """Metadata and content of each file, by the number at the end of the parts' names.

    The Python library writes bare line feeds and a blank line first, which a strict parser would refuse; the Node
    library sends no metadata, only a file's name and type beside its content. Raises Invalid.
    """
    match = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if match is None:
        raise Invalid(errors.missing("boundary"))
    metadata: dict[str, Row] = {}
    contents: dict[str, tuple[Row, bytes]] = {}
    for part in request.body.split(b"--" + match[1].encode("latin-1", "replace"))[1:]:
        head, body = _split(part)
        found = re.search(rb'name="file_(metadata|content)_(\d+)"', head)
        if found is None:
            continue
        number = found[2].decode()
        if found[1] == b"metadata":
            metadata[number] = _record(body)
        else:
            contents[number] = (_beside(head), _bytes(head, body))
    return [({**beside, **metadata.get(number, {})}, body) for number, (beside, body) in contents.items()]


def _split(part: bytes) -> tuple[bytes, bytes]:
    """The head and the body of a part, whichever line ends it is written with; the body is left as it is."""
    match = re.match(rb"\s*(.*?)(\r\n\r\n|\n\n)(.*?)(\r\n|\n)?\Z", part, re.DOTALL)
    return (match[1], match[3]) if match else (b"", b"")


def _beside(head: bytes) -> Row:
    """What stands beside a file's content: its name and type."""
    name = re.search(rb'filename="([^"]*)"', head)
    kind = re.search(rb"(?i)content-type:\s*([^\s;]+)", head)
    found = {"FileName": name, "ContentType": kind}
    return {key: match[1].decode("utf-8", "replace") for key, match in found.items() if match}


def _record(body: bytes) -> Row:
    try:
        found = wire.decode(body)
    except ValueError:
        raise Invalid(errors.missing("file_metadata_01")) from None
    if not isinstance(found, dict):
        raise Invalid(errors.unreadable())
    return found


def _bytes(head: bytes, body: bytes) -> bytes:
    if b"base64" not in head.lower():
        return body
    try:
        return base64.b64decode(body)
    except binascii.Error:
        raise Invalid(errors.missing("file_content_01")) from None
