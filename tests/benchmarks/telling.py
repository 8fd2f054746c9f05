"""One figure: a row for people, and the same as a JSON line on standard error."""

from __future__ import annotations

import json
import math
import statistics
import sys


def seconds(name: str, measured: list[float], limit: float) -> None:
    """How long something took over several runs, beside the limit it should keep."""
    median, worst = statistics.median(measured), max(measured)
    print(
        f"{name:<58} {len(measured):>4} runs   median {median:6.3f} s   worst {worst:6.3f} s   "
        f"{median / limit:5.2f} of {limit} s",
        flush=True,
    )
    facts = {"runs": len(measured), "median": round(median, 4), "worst": round(worst, 4), "limit": limit}
    _json(name, facts)


def spread(name: str, measured: list[float], median: float | None = None, worst: float | None = None) -> None:
    """The median and the 99th percentile of many, beside the limits where there are some."""
    ordered = sorted(measured)
    middle, late = statistics.median(ordered), ordered[max(0, math.ceil(len(ordered) * 0.99) - 1)]
    limits = f"   {middle / median:5.2f} of {median} s   {late / worst:5.2f} of {worst} s" if median and worst else ""
    print(f"{name:<58} {len(ordered):>4} seen   median {middle:6.3f} s   99 % {late:6.3f} s{limits}", flush=True)
    facts = {"seen": len(ordered), "median": round(middle, 4), "p99": round(late, 4), "worst": round(ordered[-1], 4)}
    if median and worst:
        facts |= {"limit_median": median, "limit_p99": worst}
    _json(name, facts)


def rate(name: str, measured: list[float], least: float) -> None:
    """How many a second over several runs, beside the least that is wanted."""
    median, worst = statistics.median(measured), min(measured)
    print(
        f"{name:<58} {len(measured):>4} runs   median {median:6.0f} /s  worst {worst:6.0f} /s  "
        f"{median / least:5.2f} times {least:.0f} /s",
        flush=True,
    )
    _json(name, {"runs": len(measured), "median": round(median), "worst": round(worst), "least": least})


def amount(name: str, measured: float, limit: float, unit: str) -> None:
    """One amount that is the same in every run, beside the limit it should keep."""
    print(f"{name:<58} {measured:>10.1f} {unit:<6} {measured / limit:5.2f} of {limit:.1f} {unit}", flush=True)
    _json(name, {"measured": round(measured, 3), "limit": round(limit, 3)})


def _json(name: str, facts: dict[str, float]) -> None:
    print(json.dumps({"name": name, **facts}), file=sys.stderr, flush=True)
