"""What the sandbox serves beside the API: the browser script, the bank's page, the dashboard and the controls."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from billing.sandbox.stripe import control, dashboard
from billing.sandbox.stripe.wire import Refused, Row
from practice.core.sandbox.http import Request, Response

if TYPE_CHECKING:
    from billing.sandbox.stripe.sandbox import StripeSandbox

_HERE = Path(__file__).parent
_SCRIPT = ("browser_fields.js", "browser_element.js", "browser.js")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "content-type",
}


def answer(sandbox: StripeSandbox, request: Request) -> Response:
    """Answer a request that is not for the API."""
    path = request.path
    if request.method == "OPTIONS":
        return Response(204, b"", dict(_CORS))
    if path.startswith(control.PREFIX):
        response = control.answer(sandbox, request)
        response.headers |= _CORS
        return response
    if path.endswith("/stripe.js"):
        return _script()
    if path == "/dashboard.css":
        return _file("dashboard.css")
    if path.startswith("/authenticate/"):
        return _bank_page(sandbox, request, path.removeprefix("/authenticate/"))
    if path == "/" or path.startswith("/dashboard"):
        return dashboard.answer(sandbox, request)
    return Response.of_html("<!doctype html><title>Not here</title><p>Nothing lives at this address.</p>", 404)


def _script() -> Response:
    """The browser script: its three files as one strict function, so that nothing leaks into the merchant's page."""
    parts = "\n".join((_HERE / name).read_text() for name in _SCRIPT)
    response = _file(_SCRIPT[-1])
    response.body = f'(() => {{\n"use strict";\n{parts}}})();\n'.encode()
    return response


def _file(name: str) -> Response:
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    headers = {"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": "no-cache", **_CORS}
    return Response(200, (_HERE / name).read_bytes(), headers)


def _bank_page(sandbox: StripeSandbox, request: Request, key: str) -> Response:
    """The page ``redirect_to_url`` leads to: the bank asks, and sends the payer back."""
    secret = request.arg("client_secret")
    if request.method != "POST":
        return dashboard.page("bank.html", {"intent": key})
    intent = next(
        (
            row
            for name in sandbox.store.table("_account")
            for kind in ("payment_intent", "setup_intent")
            if (row := sandbox.books(name).peek(kind, key))
        ),
        None,
    )
    back = ((intent or {}).get("next_action") or {}).get("redirect_to_url") or {}
    try:
        passed = request.form().get("passed") == "yes"
        after = control.authenticate(sandbox, key, {"client_secret": secret, "passed": passed})
    except Refused as refused:
        return dashboard.page("bank.html", {"intent": key, "error": refused.message}, 409)
    if not back:
        return dashboard.page("bank.html", {"intent": key, "error": "Done. You can close this page."})
    return Response.redirect(_back(back["return_url"], after))


def _back(url: str, intent: Row) -> str:
    """The return address with what Stripe adds to it."""
    kind = intent["object"]
    status = "succeeded" if intent["status"] in ("succeeded", "processing") else "failed"
    said = {kind: intent["id"], f"{kind}_client_secret": intent["client_secret"], "redirect_status": status}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(said)}"
