"""What the sandbox serves beside the API: the browser script, its dashboard and its controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from practice.core.sandbox.http import Request, Response

if TYPE_CHECKING:
    from billing.sandbox.stripe.sandbox import StripeSandbox


def answer(sandbox: StripeSandbox, request: Request) -> Response:
    """Answer a request that is not for the API."""
    return Response.of_json({"error": {"message": "not found"}}, 404)
