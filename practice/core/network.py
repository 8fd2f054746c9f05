"""The only doors out of the building: no door opens inside a transaction, and tests may put a sandbox behind one.

Both vendors' SDKs travel on urllib3 (xero-python) or requests (python-quickbooks, Stripe). Their pools and sessions are
built from :func:`pool_manager` and :class:`GuardedAdapter`. Each refuses to send while a database transaction is open,
and answers from an application registered by :func:`answer_in_process` instead of a socket when there is one.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from django.db import connections
from requests.adapters import HTTPAdapter

from practice.core.sandbox.http import Application, ConnectionLost, Request, Response, TimedOut

log = logging.getLogger(__name__)
_in_process: dict[str, Application] = {}


class SentInsideTransaction(RuntimeError):
    """A call to the outside was attempted while a database transaction was open."""


def refuse_inside_transaction(url: str) -> None:
    """Raise SentInsideTransaction when any database has an open transaction of ours (a TestCase's own do not count)."""
    for connection in connections.all(initialized_only=True):
        if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
            raise SentInsideTransaction(f"commit before calling {urlsplit(url).netloc}")


def is_never_sent(error: BaseException) -> bool:
    """Whether a failed call of either library could not even open its connection, so nothing was sent."""
    if isinstance(error, requests.exceptions.RequestException) and error.args:
        error = error.args[0] if isinstance(error.args[0], BaseException) else error
    reason = getattr(error, "reason", None) or error
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


@contextmanager
def answer_in_process(hosts: Mapping[str, Application]) -> Iterator[None]:
    """Answer calls to these hosts ("xero.test") from applications in this process, without a socket."""
    before = dict(_in_process)
    _in_process.update(hosts)
    try:
        yield
    finally:
        _in_process.clear()
        _in_process.update(before)


def answers_in_process() -> bool:
    """Whether some host is answered from this process just now."""
    return bool(_in_process)


def _local(url: str) -> Application | None:
    return _in_process.get(urlsplit(url).netloc)


class _GuardedPool(urllib3.HTTPConnectionPool):
    def urlopen(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        absolute = url if "://" in url else f"{self.scheme}://{self._netloc()}{url}"
        refuse_inside_transaction(absolute)
        application = _local(absolute)
        if application is None:
            return super().urlopen(method, url, *args, **kwargs)
        body = kwargs.get("body", args[0] if args else None)
        headers = kwargs.get("headers") or {}
        response = _ask(application, method, absolute, dict(headers), body, self)
        return urllib3.HTTPResponse(
            body=io.BytesIO(response.body),
            headers=response.headers,
            status=response.status,
            preload_content=kwargs.get("preload_content", True),
            request_method=method,
        )

    def _netloc(self) -> str:
        default = {"http": 80, "https": 443}.get(self.scheme or "http")
        return self.host if self.port in (None, default) else f"{self.host}:{self.port}"


class _GuardedHTTPSPool(_GuardedPool, urllib3.HTTPSConnectionPool):
    scheme = "https"


def _ask(application: Application, method: str, url: str, headers: dict[str, str], body: Any, pool: Any) -> Response:
    try:
        response = application.handle(Request.build(method, url, headers, body))
    except ConnectionLost as lost:
        raise urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, str(lost))) from lost
    except TimedOut as late:
        raise urllib3.exceptions.ReadTimeoutError(pool, url, f"Read timed out: {late}") from late
    if response.truncate:
        raise urllib3.exceptions.ProtocolError("Response ended prematurely")
    return response


def pool_manager(**settings: Any) -> urllib3.PoolManager:
    """A urllib3 pool whose connections keep the rules of this module, and never retry by themselves."""
    settings.setdefault("retries", urllib3.Retry(0, redirect=0, raise_on_status=False))
    manager = urllib3.PoolManager(**settings)
    guard(manager)
    return manager


def guard(manager: urllib3.PoolManager) -> None:
    """Put an SDK's own pool manager under the rules of this module."""
    manager.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedHTTPSPool}
    manager.connection_pool_kw["retries"] = urllib3.Retry(0, redirect=0, raise_on_status=False)


class GuardedAdapter(HTTPAdapter):
    """A requests adapter that keeps the rules of this module; mount it for both schemes."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Send one prepared request, over a socket or to a registered application."""
        url = str(request.url)
        refuse_inside_transaction(url)
        application = _local(url)
        if application is None:
            return super().send(request, *args, **kwargs)
        try:
            answer = _ask(application, str(request.method), url, dict(request.headers), request.body, None)
        except urllib3.exceptions.ReadTimeoutError as late:
            raise requests.exceptions.ReadTimeout(str(late), request=request) from late
        except urllib3.exceptions.ProtocolError as lost:
            raise requests.exceptions.ConnectionError(str(lost), request=request) from lost
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(answer.body), headers=answer.headers, status=answer.status, preload_content=False
        )
        return self.build_response(request, raw)


def no_answer(error: BaseException) -> str:
    """How a call ended that brought no answer, as the end of a sentence: "did not answer in time".

    The transport's own words name machines and are not for pages; they go to the log.
    """
    log.warning("no answer: %r", error)
    text = repr(error).lower()
    if is_never_sent(error):
        return "could not be reached"
    if "timeout" in text or "timed out" in text:
        return "did not answer in time"
    return "broke off before it had answered"


def mount(session: requests.Session) -> requests.Session:
    """Put a requests session under the rules of this module."""
    adapter = GuardedAdapter(max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
