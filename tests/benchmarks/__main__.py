"""``make bench``: a table, and beside it one JSON line per figure on standard error; nothing is asserted.

``run.py bench sandboxes`` measures one part alone: sandboxes, engine, scale, waiting or notices. RUNS sets how often.
BENCH_DATABASE is another database than the SQLite file in a folder of the run's own; it is left as it is afterwards.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="countersign-bench-"))
os.environ.update(
    DEMO="1",
    DATABASE_URL=os.environ.get("BENCH_DATABASE") or f"sqlite:///{FOLDER / 'bench.sqlite3'}",
    STATIC_ROOT=str(FOLDER / "static"),
    DJANGO_SETTINGS_MODULE="practice.site.settings",
)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import django  # noqa: E402

django.setup()

from tests.benchmarks import engine, notices, sandboxes, scale, waiting  # noqa: E402

PARTS = {
    "sandboxes": sandboxes.measure,
    "engine": engine.measure,
    "scale": scale.measure,
    "waiting": waiting.measure,
    "notices": notices.measure,
}


def main() -> int:
    """Measure what was asked for, or everything; returns the exit status."""
    # A run that is ended from outside takes its processes and its PostgreSQL with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        print(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for name in wanted:
        PARTS[name](FOLDER)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
