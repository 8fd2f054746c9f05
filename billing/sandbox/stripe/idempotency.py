"""Idempotency keys: the first answer is kept and given again (docs.stripe.com/api/idempotent_requests)."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

from billing.sandbox.stripe.books import Books
from billing.sandbox.stripe.wire import Refused, Row
from practice.core.sandbox.http import Request, Response

_KEPT = timedelta(hours=24)
_LONGEST = 255


def fingerprint(request: Request, params: Row) -> str:
    """What must be the same when a key is used again: the path and every parameter."""
    said = json.dumps([request.path, params], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def replay(books: Books, key: str, print_: str) -> Response | None:
    """The kept answer of a key, or None. Raises Refused when the key was used for another request."""
    if len(key) > _LONGEST:
        raise Refused(f"Idempotency keys can be up to {_LONGEST} characters long.", early=True)
    kept = books.store.get(books.table("_idempotency"), key)
    if kept is None or datetime.fromisoformat(kept["at"]) + _KEPT <= books.at:
        return None
    if kept["print"] != print_:
        raise Refused(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{key}' if you meant to execute a different request.",
            type="idempotency_error",
            early=True,
        )
    headers = {**kept["headers"], "Idempotent-Replayed": "true", "Original-Request": kept["headers"]["Request-Id"]}
    return Response(kept["status"], kept["body"].encode(), headers)


def keep(books: Books, key: str, print_: str, response: Response) -> None:
    """Keep an answer for a day, also a refusal after execution and a 500."""
    row = {
        "print": print_,
        "status": response.status,
        "body": response.body.decode(),
        "headers": dict(response.headers),
        "at": books.at.isoformat(),
    }
    books.store.put(books.table("_idempotency"), key, row)
