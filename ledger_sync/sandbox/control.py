"""Controls under ``/_sandbox/``: what a test or the demo orders, and what it may look at. No part of a vendor."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Protocol

from practice.core.sandbox import hand, words
from practice.core.sandbox.faults import Fault, Weather
from practice.core.sandbox.http import Request, Response

#: The table of a store that holds what was set; it outlives a restart.
PLACE = "_settings"


class Sandbox(Protocol):
    """What a ledger's sandbox lets itself be told and asked."""

    faults: Any
    settings: Any
    webhooks: Any
    app: Any
    store: Any

    @property
    def limits(self) -> Any:
        """How much it takes."""

    @property
    def outbox(self) -> Any:
        """Its notices on their way."""

    def summary(self) -> dict[str, Any]:
        """How it is set and what waits."""

    def dump(self) -> dict[str, dict[str, Any]]:
        """Every row, with what only the sandbox knows."""

    def credentials(self) -> dict[str, Any]:
        """All that an outside client needs."""

    def register_redirects(self, uris: list[str]) -> None:
        """Where consents may lead back to."""

    def tick(self) -> None:
        """Let time pass."""


def answer(sandbox: Sandbox, request: Request) -> Response:
    """Answer one control request; a wrong one gets 400 with the reason."""
    name = request.path.lower().removeprefix("/_sandbox").strip("/")
    if request.method == "GET":
        if name in ("", "state"):
            return Response.of_json(sandbox.summary())
        if name == "books":
            return Response.of_json(sandbox.dump())
        if name == "credentials":
            return Response.of_json(sandbox.credentials())
        return Response.of_json({"error": "unknown"}, 404)
    handler = _POST.get(name)
    if request.method != "POST" or handler is None:
        return Response.of_json({"error": "unknown"}, 404)
    try:
        body = json.loads(request.body or b"{}")
        if not isinstance(body, dict):
            raise ValueError("an object is wanted")
        return Response.of_json(handler(sandbox, body))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        return Response.of_json({"error": str(error)}, 400)


def _faults(sandbox: Sandbox, body: dict[str, Any]) -> object:
    """Order faults: ``{"kind": …}``, ``{"faults": [...]}``, or ``{"clear": true}``; by seed: ``{"weather": {…}}``."""
    if body.get("clear"):
        sandbox.faults.clear()
    for fault in body.get("faults", [body] if "kind" in body else []):
        sandbox.faults.order(Fault(**fault))
    if "weather" in body:
        sandbox.faults.weather = Weather(**body["weather"]) if body["weather"] else None
    return {"ordered": [dataclasses.asdict(fault) for fault in sandbox.faults.ordered]}


def _webhooks(sandbox: Sandbox, body: dict[str, Any]) -> object:
    """Set the address and the trouble on the way there."""
    for name, value in body.get("trouble", {}).items():
        _set(sandbox.outbox.trouble, name, value)
    if "url" in body:
        sandbox.webhooks.set_url(str(body["url"]))
    return sandbox.webhooks.state


def _clock(sandbox: Sandbox, body: dict[str, Any]) -> object:
    """Move this process's clock on, or fix it at a moment."""
    return hand.turn(sandbox.store, body)


def _app(sandbox: Sandbox, body: dict[str, Any]) -> object:
    """Register the app's redirect addresses."""
    sandbox.register_redirects([str(uri) for uri in body["redirect_uris"]])
    return {"redirect_uris": sandbox.app.redirect_uris}


def _settings(sandbox: Sandbox, body: dict[str, Any]) -> object:
    """Set switches and limits by name, all of them or none; they are kept with the books."""
    given = [(target := _target(sandbox, name), name, _fitting(target, name, value)) for name, value in body.items()]
    with sandbox.store.transaction():
        for target, name, value in given:
            setattr(target, name, value)
            sandbox.store.put(PLACE, name, {"value": value})
    return {"settings": dataclasses.asdict(sandbox.settings), "limits": dataclasses.asdict(sandbox.limits)}


def _words(sandbox: Sandbox, body: dict[str, Any]) -> object:
    """Say otherwise what no source shows: ``{"as it is": "as it should be"}``."""
    return words.replace(sandbox.store, body)


def _tick(sandbox: Sandbox, body: dict[str, Any]) -> object:
    """Let time pass now."""
    sandbox.tick()
    return {"waiting": sandbox.summary()["waiting"]}


def recall(sandbox: Sandbox) -> None:
    """Set again what was set when the store was last in use; a setting of an older release is passed over."""
    for name, row in sandbox.store.table(PLACE).items():
        target = _target(sandbox, name)
        if hasattr(target, name):
            setattr(target, name, row["value"])


def _target(sandbox: Sandbox, name: str) -> Any:
    return sandbox.limits if hasattr(sandbox.limits, name) else sandbox.settings


def _set(target: Any, name: str, value: object) -> None:
    setattr(target, name, _fitting(target, name, value))


def _fitting(target: Any, name: str, value: object) -> Any:
    """A value as its setting holds it. Raises ValueError for a setting nobody knows, or a value it cannot have."""
    known = {field.name: type(getattr(target, field.name)) for field in dataclasses.fields(target)}
    if name not in known:
        raise ValueError(f"unknown setting {name!r}")
    if known[name] is bool and not isinstance(value, bool | int):
        raise ValueError(f"{name} is true or false, not {value!r}")  # bool("false") is true
    choices = getattr(target, "CHOICES", {}).get(name, (value,))
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}, not {value!r}")
    return known[name](value)


_POST = {
    "faults": _faults,
    "webhooks": _webhooks,
    "clock": _clock,
    "app": _app,
    "settings": _settings,
    "words": _words,
    "tick": _tick,
}
