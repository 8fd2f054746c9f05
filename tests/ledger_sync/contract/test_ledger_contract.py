"""What the engine may rely on in any ledger: one contract, held by both adapters, for every document they know."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_sync.connection import mapping
from ledger_sync.kinds import CREDIT, EXCESS, SHAPES
from ledger_sync.models.links import Kind
from ledger_sync.ports import Disconnected, LedgerError, OutcomeUnknown, Outgoing, Rejected, Remote, Result, TryLater
from ledger_sync.providers import fits, suggestions_of
from practice.core import clock, network
from practice.core.sandbox.faults import Fault
from tests.ledger_sync.contract import books as case_book
from tests.ledger_sync.contract.books import COUNTRIES, KNOWN, NOBODY, PAPERS, Books, Case, ids, is_alone, said

#: Kinds, roles and actions without a case yet, each with its reason. It may only shrink.
NOT_YET: dict[tuple[str, str, str, str], str] = {}
pytestmark = [pytest.mark.django_db, pytest.mark.wire]
CASES = [row for row in ids() if row not in NOT_YET]
#: A request of the API, and none for tokens.
API = "/api.xro/|/company/"


def every(*cases: Any) -> Any:
    names = ["-".join((p, k, r or "main", a)) for p, k, r, a in cases]
    return pytest.mark.parametrize(("provider", "case"), [(row[0], row[1:]) for row in cases], ids=names)


@pytest.fixture
def at(request: pytest.FixtureRequest, provider: str) -> Books:
    """The books of the ledger a case is about."""
    found: Books = request.getfixturevalue(f"{provider}_books")
    return found


def ended(found: Remote | Result | None, action: str) -> bool:
    """Whether something is shown as taken away, by the action that did it."""
    if found is None:
        return action == "delete"
    gone = isinstance(found, Remote) and found.gone
    return gone or found.theirs.get("status") == {"void": "void", "delete": "deleted"}.get(action)


def is_as_sent(item: Outgoing, found: Remote | Result | None) -> None:
    """A document is there as it was sent, or it is away if that is what was asked."""
    if item.action in ("void", "delete"):
        assert ended(found, item.action), found
        return
    assert found is not None
    assert found.remote_id
    wanted, theirs = said(item.kind, item.doc), said(item.kind, found.theirs)
    assert {name: theirs.get(name) for name in wanted} == wanted


def test_what_has_no_case_yet_is_a_document_some_ledger_knows() -> None:
    assert NOT_YET.keys() <= set(ids())
    assert all(NOT_YET.values())


def test_every_document_an_adapter_knows_has_a_case() -> None:
    documents = {(kind, role) for provider in KNOWN for kind, role, _ in KNOWN[provider]}
    assert documents == set(case_book._DOCS)
    edited = {kind for provider in KNOWN for kind, _, action in KNOWN[provider] if action == "update"}
    assert edited == set(case_book._CHANGES)
    assert {kind for kind, _ in documents} == set(case_book.SAYS) == set(Kind.values)


@every(*CASES)
def test_a_document_is_booked_once_under_its_key_and_read_as_it_was_sent(at: Books, case: Case) -> None:
    item = at.item(case, position=7)
    with network.answer_in_process({}):
        call = at.ledger.wire([item])
        assert at.ledger.wire([item]) == call
    empty = at.rows()
    first = at.ledger.send(call, "one key")
    there = at.rows()
    assert there != empty
    (result,) = at.ledger.results([item], first)
    if call.method == "DELETE":
        # Xero keeps no keys for these: the second finds nothing to take away (Xero docs, Idempotent requests).
        with pytest.raises(Rejected) as raised:
            at.ledger.send(call, "one key")
        assert raised.value.status == 404
    else:
        assert at.ledger.results([item], at.ledger.send(call, "one key")) == [result]
    assert at.rows() == there
    assert (result.ok, result.position, result.code, result.text) == (True, 7, "", "")
    is_as_sent(item, result if case[2] in ("create", "update") else at.ledger.look(item))
    assert result.remote_id
    if item.remote_id:
        assert result.remote_id == item.remote_id
    if case[0] not in PAPERS:
        is_fetched(at, item, result)


def is_fetched(at: Books, item: Outgoing, result: Result) -> None:
    """A document is read back by its id; what is named beside it and is not there comes back as gone."""
    nobody = NOBODY[at.provider]
    found, absent = at.ledger.fetch(item.kind, [result.remote_id, nobody], item.role)
    assert (found.kind, found.remote_id) == (item.kind, result.remote_id)
    assert (absent.remote_id, absent.gone, absent.theirs["status"]) == (nobody, True, "deleted")
    is_as_sent(item, found)
    if item.action in ("create", "update"):
        assert (found.gone, found.version) == (False, result.version)
        assert result.version or item.role in (CREDIT, EXCESS), "only an allocation has no version of its own"


@every(*CASES)
def test_what_was_done_without_an_answer_is_found_and_what_never_arrived_is_not(at: Books, case: Case) -> None:
    item = at.item(case)
    before = None if case[2] == "create" else at.ledger.look(item)
    there = at.rows()
    lose(at, item, "reset")
    assert at.rows() == there
    assert at.ledger.look(item) == before
    assert case[2] == "create" or not ended(before, case[2])
    lose(at, item, "response_lost")
    is_as_sent(item, at.ledger.look(item))
    another = at.item(case)
    lose(at, another, "truncated")
    is_as_sent(another, at.ledger.look(another))


def lose(at: Books, item: Outgoing, kind: str) -> None:
    """Send a document and get no answer that can be read."""
    at.sandbox.faults.order(Fault(kind, match=API))
    with pytest.raises(OutcomeUnknown):
        at.push(item)


#: What each bad day is to the engine.
FAILURES: dict[str, tuple[type[LedgerError], ...]] = {
    "rate_limited": (TryLater,),
    "unauthorised": (Disconnected, TryLater),
    "unavailable_html": (TryLater,),
    "server_error": (OutcomeUnknown,),
}


@every(*CASES)
def test_each_failure_has_its_class_and_books_nothing(at: Books, case: Case) -> None:
    item = at.item(case, position=3)
    bad = at.spoiled(item)
    there = at.rows()
    for kind, classes in FAILURES.items():
        at.sandbox.faults.order(Fault(kind, match=API, times=2))
        with pytest.raises(LedgerError) as raised:
            at.push(item)
        at.sandbox.faults.clear()
        assert isinstance(raised.value, classes), (kind, raised.value)
        assert raised.value.text
        if kind == "rate_limited":
            assert isinstance(raised.value, TryLater)
            assert raised.value.retry_after or raised.value.scope
    is_refused(at, bad)
    assert at.rows() == there
    (result,) = at.push(item)
    assert result.ok


#: What a vendor says it has had enough of, and for how long → what we take that for, and how long we wait.
SLOWED = [
    ("xero", "minute", 25, "minute", 25),
    ("xero", "day", 900, "day", 900),
    ("xero", "appminute", None, "appminute", 5),
    ("xero", "concurrent", None, "concurrent", 5),
    # QuickBooks says neither; its documents ask for a minute's patience.
    ("quickbooks", "", None, "minute", 60),
    ("quickbooks", "", 7, "minute", 7),
]


@pytest.mark.parametrize(("provider", "problem", "asked", "scope", "wait"), SLOWED)
def test_which_window_is_full_and_for_how_long_is_heard(
    at: Books, provider: str, problem: str, asked: int | None, scope: str, wait: int
) -> None:
    item = at.item((Kind.INVOICE, "", "create"))
    at.sandbox.faults.order(Fault("rate_limited", match=API, detail=problem, retry_after=asked))
    with pytest.raises(TryLater) as raised:
        at.push(item)
    assert (raised.value.scope, raised.value.retry_after, raised.value.status) == (scope, wait, 429)
    assert not raised.value.is_silence


def is_refused(at: Books, bad: Outgoing) -> None:
    """What names something unknown to the ledger is refused in words, by itself or with the whole call."""
    try:
        (result,) = at.push(bad)
    except Rejected as refusal:
        code, text = refusal.code, refusal.text
    else:
        assert (result.ok, result.position, result.later) == (False, bad.position, False)
        code, text = result.code, result.text
    assert code
    assert text


@every(*[row for row in CASES if row[3] == "create" and not is_alone(*row)])
def test_a_bad_document_does_not_keep_its_neighbours_out_and_the_answers_are_in_order(at: Books, case: Case) -> None:
    items = [at.item(case, position) for position in (4, 5, 6, 7)]
    items[1] = at.spoiled(items[1])
    results = at.push(*items)
    assert [(result.position, result.ok) for result in results] == [(4, True), (5, False), (6, True), (7, True)]
    assert results[1].code
    assert results[1].text
    for place in (0, 2, 3):
        is_as_sent(items[place], results[place])
        is_as_sent(items[place], at.ledger.look(items[place]))
    assert len({result.remote_id for result in results if result.ok}) == 3


@every(*[row for row in CASES if row[3] != "create" and not is_alone(*row)])
def test_changes_voids_and_deletions_go_together_and_one_that_cannot_be_done_stops_no_other(
    at: Books, case: Case
) -> None:
    items = [at.item(case, position) for position in (4, 5, 6)]
    items[1] = at.spoiled(items[1])
    call = at.ledger.wire(items)
    assert call.method in ("POST", "PUT")
    results = at.push(*items)
    assert [(result.position, result.ok) for result in results] == [(4, True), (5, False), (6, True)]
    assert results[1].code
    assert results[1].text
    for place in (0, 2):
        assert results[place].remote_id == items[place].remote_id
        is_as_sent(items[place], results[place] if case[2] == "update" else at.ledger.look(items[place]))


SWEPT = [(provider, kind) for provider, shape in SHAPES.items() for kind in shape.swept]


@pytest.mark.parametrize(("provider", "kind"), SWEPT, ids=[f"{p}-{k}" for p, k in SWEPT])
def test_what_changed_is_told_in_its_window_once_and_page_by_page(
    at: Books, provider: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [at.item((kind, "", "create"), position) for position in range(5)]
    clock.advance(minutes=5)
    since = clock.now()
    results = at.push(*items)
    clock.advance(minutes=5)
    page = at.ledger.changed(kind, since, clock.now(), 1)
    assert page.more is False
    told = {row.remote_id: row for row in page.remotes}
    assert sorted(told) == sorted(result.remote_id for result in results)
    for item, result in zip(items, results, strict=True):
        assert told[result.remote_id].version == result.version
        assert told[result.remote_id].modified_at is not None
        is_as_sent(item, told[result.remote_id])
    assert not at.ledger.changed(kind, clock.now(), clock.now(), 1).remotes
    at.page_by(2, monkeypatch)
    pages = [at.ledger.changed(kind, since, clock.now(), number) for number in (1, 2, 3)]
    assert [len(page.remotes) for page in pages] == [2, 2, 1]
    assert [page.more for page in pages] == [True, True, False]
    assert sorted(row.remote_id for page in pages for row in page.remotes) == sorted(told)


def test_the_chart_has_a_place_for_everything_that_is_sent(books: Books) -> None:
    refs = books.ledger.references()
    assert {"account", "tax"} <= {ref.kind for ref in refs}
    assert all(ref.remote_id and ref.name for ref in refs)
    assert len({(ref.kind, ref.remote_id) for ref in refs}) == len(refs)
    chosen = suggestions_of(books.provider)(refs, COUNTRIES[books.provider][0])
    wanted = mapping.wanted(books.connection) + mapping.later()
    active = {(ref.kind, ref.remote_id): ref for ref in refs if ref.active}
    for place in wanted:
        ref = active[chosen[place.purpose, place.treatment]]
        assert fits(books.provider, place.purpose, ref.data), (place, ref)


def test_the_company_says_who_it_is_and_until_when_its_books_are_closed(books: Books) -> None:
    company = books.ledger.organisation()
    country, currency, _, _ = COUNTRIES[books.provider]
    assert (company.remote_org, company.country, company.currency) == (books.connection.remote_org, country, currency)
    assert company.name
    assert company.locked_until == ""
    books.close("2026-10-31")
    assert books.ledger.organisation().locked_until == "2026-10-31"


def test_who_changed_a_document_is_a_name_where_the_vendor_tells(books: Books) -> None:
    _, result = books.booked(Kind.INVOICE)
    clock.advance(minutes=1)
    books.sandbox.bookkeeper.edit_invoice(result.remote_id, {"DueDate": "2026-12-24"})
    name = {"xero": "Rhona Blake", "quickbooks": ""}[books.provider]
    assert books.ledger.who_changed(Kind.INVOICE, result.remote_id) == name
