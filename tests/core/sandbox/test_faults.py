"""Faults a sandbox is told to play: on request, and by seed."""

from __future__ import annotations

import pytest

from practice.core.sandbox.faults import AFTER, BEFORE, Fault, Faults, Weather
from practice.core.sandbox.http import Request


def requests(count: int = 400, path: str = "/api/x") -> list[Request]:
    return [Request.build("POST", f"{path}/{number}") for number in range(count)]


def met(weather: Weather, path: str = "/api/x") -> list[tuple[int, str, str]]:
    faults = Faults(weather=weather)
    found = []
    for number, request in enumerate(requests(path=path)):
        for kinds in (BEFORE, AFTER):
            fault = faults.take(request, kinds)
            if fault:
                found.append((number, fault.kind, fault.detail))
    return found


def test_the_same_seed_brings_the_same_faults_to_the_same_requests():
    assert met(Weather(7, 0.2)) == met(Weather(7, 0.2))
    assert met(Weather(7, 0.2)) != met(Weather(8, 0.2))


def test_about_as_many_requests_as_were_asked_for_meet_a_fault_of_each_kind():
    found = met(Weather(7, 0.5, kinds=("reset", "truncated", "rate_limited:day")))
    assert 150 < len(found) < 250
    assert {(kind, detail) for _, kind, detail in found} == {("reset", ""), ("truncated", ""), ("rate_limited", "day")}


def test_the_sandbox_own_controls_stay_dry():
    assert met(Weather(7, 1.0), path="/_sandbox/faults") == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rate": 2}, "a rate from 0 to 1"),
        ({"rate": 0.1, "kinds": ()}, "and a kind"),
        ({"rate": 0.1, "kinds": ("earthquake",)}, "unknown fault 'earthquake'"),
        ({"rate": 0.1, "match": "("}, "is no pattern"),
    ],
)
def test_weather_that_means_nothing_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        Weather(1, **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"times": "2"},
        {"times": None},
        {"times": True},
        {"seconds": "x"},
        {"seconds": float("nan")},
        {"until": "x"},
        {"retry_after": "1\r\nX: y"},
        {"retry_after": -1},
        {"detail": 5},
        {"method": 5},
    ],
)
def test_a_fault_that_would_break_later_requests_is_not_ordered(wrong):
    faults = Faults()
    with pytest.raises(ValueError, match=r"number from 0 on|are text"):
        faults.order(Fault("reset", **wrong))
    assert faults.ordered == []


def test_an_ordered_fault_comes_before_the_weather_and_is_used_up():
    faults = Faults(weather=Weather(1, 1.0, kinds=("timeout",)))
    faults.order(Fault("reset"))
    kinds = [faults.take(request, BEFORE).kind for request in requests(3)]
    assert (kinds, faults.fired) == (["reset", "timeout", "timeout"], {"reset": 1, "timeout": 2})


def test_clearing_ends_both():
    faults = Faults(weather=Weather(1, 1.0))
    faults.order(Fault("reset"))
    faults.clear()
    assert faults.take(requests(1)[0], BEFORE) is None
