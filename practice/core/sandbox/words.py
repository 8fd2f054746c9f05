"""Words of a refusal that no source shows can be put otherwise, so that a caller proves it does not hang on them."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from practice.core.sandbox.http import Response
from practice.core.sandbox.store import Store

#: The table of a store that holds what is said otherwise; it outlives a restart.
PLACE = "_words"


def replace(store: Store, body: Any) -> dict[str, str]:
    """Say ``{"as it is": "as it should be"}`` from now on; null takes one back. Returns what is said otherwise.

    Raises ValueError for anything else.
    """
    if not isinstance(body, dict) or not all(name and isinstance(text, str | None) for name, text in body.items()):
        raise ValueError('words are {"as it is": "as it should be"}, or null to take one back')
    with store.transaction():
        for name, text in body.items():
            if text is None:
                store.drop(PLACE, name)
            else:
                store.put(PLACE, name, {"text": text})
    return {name: row["text"] for name, row in store.table(PLACE).items()}


def otherwise(store: Store, response: Response) -> Response:
    """An answer with what is said otherwise: in its headers, and in its body as plain text and as JSON writes it."""
    body, headers = response.body, response.headers
    for name, row in list(store.table(PLACE).items()):
        for written in (str, _in_json):
            body = body.replace(written(name).encode(), written(row["text"]).encode())
        headers = {key: value.replace(name, row["text"]) for key, value in headers.items()}
    return dataclasses.replace(response, body=body, headers=headers)


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]
