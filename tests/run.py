"""``make test``: the whole suite on SQLite, then on PostgreSQL; what this machine lacks is boxed at the end.

With REQUIRE="browser postgres node" what is lacking fails the run instead.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = ROOT / "tests" / "outside"
REQUIRED = set(os.environ.get("REQUIRE", "").split())
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find_chromium() -> str:
    """The Chromium to test with, or an empty text."""
    given = os.environ.get("CHROMIUM", "")
    if given:
        return given
    found = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), "")
    return found or next((place for place in CHROMIUM_PLACES if Path(place).exists()), "")


def find_node() -> str:
    """The node to run outside clients with, or an empty text."""
    return shutil.which("node") or shutil.which("nodejs") or ""


def outside_stamp() -> Path:
    """The file that says that these very packages of outside clients are installed."""
    lock = (OUTSIDE / "package-lock.json").read_bytes()
    return OUTSIDE / "node_modules" / f"installed-{hashlib.sha256(lock).hexdigest()[:16]}"


def outside_ready() -> bool:
    """Whether the outside clients can run here."""
    return bool(find_node()) and outside_stamp().exists()


def install_outside() -> bool:
    """Install the outside clients' packages where they lack; returns whether they can run."""
    npm = shutil.which("npm")
    if find_node() and npm and not outside_ready():
        print("Installing the outside clients in tests/outside (once)", flush=True)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
        if subprocess.call(command, cwd=OUTSIDE) == 0:
            outside_stamp().touch()
    return outside_ready()


def pytest(*arguments: str, **environment: str) -> int:
    """Run pytest; returns its exit status, where "no test" counts as a failure."""
    env = {**os.environ, **environment}
    return subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=ROOT, env=env)


def box(lines: list[str]) -> None:
    """Say what was not run, so that nobody overlooks it."""
    width = max(len(line) for line in lines)
    print("+" + "-" * (width + 2) + "+")
    for line in lines:
        print(f"| {line.ljust(width)} |")
    print("+" + "-" * (width + 2) + "+")


def on_postgres(arguments: list[str]) -> int | None:
    """Run the suite on a PostgreSQL of its own; None when this machine has none."""
    with postgres.running(durable=False) as url:
        if url is None:
            return None
        print("-- the suite on PostgreSQL", flush=True)
        return pytest("-m", "not browser and not sqlite and not outside and not wire", *arguments, DATABASE_URL=url)


def main() -> int:
    """Run what was asked for; returns the exit status."""
    # A run that is ended from outside takes its PostgreSQL with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = [a for a in sys.argv[1:] if a != "--quick"]
    quick = "--quick" in sys.argv
    workers = ["-n", "2"] if not any(a.startswith("-n") for a in arguments) else []
    chromium = find_chromium()
    lacking: list[str] = []
    if quick:
        return pytest("-m", "not browser and not story and not slow and not outside", *workers, *arguments)
    print("-- the suite on SQLite", flush=True)
    outside = install_outside()
    unfit = [name for name, fits in (("browser", chromium), ("outside", outside)) if not fits]
    marks = ["-m", " and ".join(f"not {name}" for name in unfit)] if unfit else []
    status = pytest(*marks, *workers, *arguments, CHROMIUM=chromium)
    if not chromium:
        lacking.append(
            "NOT RUN: browser tests: no Chromium. apt install chromium | brew install --cask chromium | set CHROMIUM="
        )
    if not outside:
        lacking.append("NOT RUN: SDKs we do not use against the sandboxes: no node and npm. apt install nodejs npm")
    if not (ROOT.parent / "shared" / "specs").exists() and not os.environ.get("SPECS"):
        lacking.append(
            "NOT RUN: checks against the vendors' published OpenAPI documents: set SPECS= to a folder that has them"
        )
    there = on_postgres([*workers, *arguments])
    if there is None:
        lacking.append("NOT RUN: the suite on PostgreSQL: no server. pip install -r tests/requirements.txt")
    status = status or there or 0
    if lacking:
        box(lacking)
    ran = {"browser": bool(chromium), "postgres": there is not None, "node": outside}
    if any(not ran.get(name, False) for name in REQUIRED):
        print("REQUIRE names what was not run: this is a failure", file=sys.stderr)
        return status or 1
    return status


if __name__ == "__main__":
    raise SystemExit(main())
