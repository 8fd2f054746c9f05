"""What no source shows can be said otherwise, in every sandbox, and stays so over a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from practice.core.sandbox import words
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.store import Store
from practice.site.sandboxes import BUILDERS

REFUSED = {
    "xero": ("GET", "/api.xro/2.0/Invoices", "AuthenticationUnsuccessful"),
    "quickbooks": ("GET", "/v3/company/1/query", "AuthenticationFailed"),
    "stripe": ("GET", "/v1/customers", "You did not provide an API key"),
}


@pytest.mark.parametrize("vendor", sorted(REFUSED))
def test_a_refusal_is_said_otherwise_until_it_is_taken_back(vendor: str, tmp_path: Path) -> None:
    method, path, said = REFUSED[vendor]

    def build(store: Store) -> object:
        return BUILDERS[vendor](store=store, base_url="http://vendor.test", send=None, company="empty")

    def ask(sandbox: object) -> str:
        return sandbox.handle(Request.build(method, path)).body.decode()

    def tell(sandbox: object, body: object) -> Response:
        return sandbox.handle(Request.build("POST", "/_sandbox/words", {}, json.dumps(body)))

    sandbox = build(Store(tmp_path / "s"))
    assert said in ask(sandbox)
    assert tell(sandbox, {said: 'Say it "so"'}).json() == {said: 'Say it "so"'}
    assert (said in ask(sandbox), 'Say it \\"so\\"' in ask(sandbox) or 'Say it "so"' in ask(sandbox)) == (False, True)
    sandbox.store.close()
    again = build(Store(tmp_path / "s"))
    assert said not in ask(again)
    assert tell(again, {said: None}).json() == {}
    assert said in ask(again)


@pytest.mark.parametrize("wrong", [[], {"a": 1}, {"": "x"}, "a"])
def test_what_is_no_pair_of_texts_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="words are"):
        words.replace(Store(), wrong)


def test_a_header_is_said_otherwise_too() -> None:
    store = Store()
    words.replace(store, {"text/html; charset=utf-8": "text/plain"})
    assert words.otherwise(store, Response.of_html("gone", 404)).headers["Content-Type"] == "text/plain"
