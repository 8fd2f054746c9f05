"""Events, gates, panels, secrets, the bell and the network: what the ground floor promises to every package."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from django.db import transaction
from django.test import RequestFactory

from practice.core import encrypted, events, gates, network, panels, wake
from practice.core.gates import YES, Answer, Verdict
from practice.core.sandbox.http import Request, Response

# Events


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    heard: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(events, "_recorders", defaultdict(list))
    events.recorder("a.thing.happened")(lambda subject, **facts: heard.append((subject, facts)))
    return heard


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused_and_nobody_is_told(told: list[Any]) -> None:
    with pytest.raises(events.RecordedOutsideTransaction, match=r"a\.thing\.happened"):
        events.record("a.thing.happened", 1)
    assert told == []


@pytest.mark.django_db(transaction=True)
def test_an_event_inside_one_is_told_at_once(told: list[Any]) -> None:
    with transaction.atomic():
        events.record("a.thing.happened", 1, why="x")
        events.record("a.thing.nobody_hears", 2)
        assert told == [(1, {"why": "x"})]


# Gates


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([], Verdict.YES),
        ([Verdict.YES, Verdict.YES], Verdict.YES),
        ([Verdict.YES, Verdict.NOT_YET], Verdict.NOT_YET),
        ([Verdict.NOT_YET, Verdict.NO, Verdict.YES], Verdict.NO),
    ],
)
def test_a_no_beats_a_not_yet_and_a_not_yet_beats_a_yes(
    monkeypatch: pytest.MonkeyPatch, answers: list[Verdict], verdict: Verdict
) -> None:
    monkeypatch.setattr(gates, "_gates", defaultdict(list))
    for answer in answers:
        gates.gate("a.may_happen")(lambda subject, answer=answer: Answer(answer, f"because {answer}"))
    got = gates.ask("a.may_happen", None)
    assert got.verdict is verdict
    assert got == YES or got.reason == f"because {verdict}"


# Panels


@pytest.mark.django_db
def test_a_panel_that_fails_leaves_the_others_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "_panels", defaultdict(list))

    @panels.panel("a.page.side", order=1)
    def broken(request: Any, subject: Any) -> None:
        raise RuntimeError("a bug in a panel")

    @panels.panel("a.page.side", order=2)
    def whole(request: Any, subject: Any) -> tuple[str, dict[str, Any]]:
        return "core/empty.html", {"title": "Nothing here", "words": "Yet."}

    @panels.panel("a.page.side", order=3)
    def silent(request: Any, subject: Any) -> None:
        return None

    shown = panels.render("a.page.side", RequestFactory().get("/"), None)
    assert "Nothing here" in shown
    assert "a bug in a panel" not in shown
    assert panels.contexts("a.page.side", RequestFactory().get("/"), None)[1] == 1


# Secrets


@pytest.fixture
def keys(settings: Any) -> dict[str, str]:
    settings.FIELD_KEYS = {"2026": Fernet.generate_key().decode()}
    return settings.FIELD_KEYS


def test_after_a_new_key_the_old_secrets_are_read_and_new_ones_use_the_new_key(keys: Any, settings: Any) -> None:
    old = encrypted.encrypt("s3cret")
    settings.FIELD_KEYS = {"2027": Fernet.generate_key().decode(), **keys}
    assert encrypted.decrypt(old) == "s3cret"
    assert (old.partition(":")[0], encrypted.encrypt("s3cret").partition(":")[0]) == ("2026", "2027")


def test_a_key_that_is_gone_or_does_not_fit_is_said_by_its_name(keys: Any, settings: Any) -> None:
    old = encrypted.encrypt("s3cret")
    settings.FIELD_KEYS = {"2027": Fernet.generate_key().decode()}
    with pytest.raises(encrypted.KeyMissing, match="2026"):
        encrypted.decrypt(old)
    settings.FIELD_KEYS = {"2026": Fernet.generate_key().decode()}
    with pytest.raises(encrypted.KeyMissing, match="does not fit"):
        encrypted.decrypt(old)


# The network


class Echo:
    """Answers everything with 200."""

    asked = 0

    def handle(self, request: Request) -> Response:
        self.asked += 1
        return Response.of_json({"path": request.path})

    def tick(self) -> None:
        """Nothing happens by itself."""


@pytest.mark.django_db(transaction=True)
def test_no_door_opens_inside_a_transaction() -> None:
    echo = Echo()
    session = network.mount(requests.Session())
    pool = network.pool_manager()
    with network.answer_in_process({"echo.test": echo}):
        with transaction.atomic():
            for call in (lambda: session.get("http://echo.test/x"), lambda: pool.request("GET", "http://echo.test/x")):
                with pytest.raises(RuntimeError, match="commit before calling"):
                    call()
        assert echo.asked == 0
        assert session.get("http://echo.test/x").json() == {"path": "/x"}
        assert pool.request("GET", "http://echo.test/y").status == 200
    assert echo.asked == 2


@pytest.mark.django_db
def test_the_transaction_a_test_runs_in_does_not_count() -> None:
    with network.answer_in_process({"echo.test": Echo()}):
        assert network.pool_manager().request("GET", "http://echo.test/").status == 200


# The bell


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_after_the_commit_and_not_at_all_after_a_rollback(bell: Any) -> None:
    with transaction.atomic():
        wake.wake("a.task", n=1)
        assert bell.rung == []
    assert bell.rung == [("a.task", {"n": 1})]
    with transaction.atomic():
        wake.wake("a.task", n=2)
        transaction.set_rollback(True)
    assert bell.rung == [("a.task", {"n": 1})]


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_is_broken_does_not_break_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(task: str, **arguments: Any) -> None:
        raise OSError("no broker")

    monkeypatch.setattr(wake, "ring", broken)
    with transaction.atomic():
        wake.wake("a.task")
