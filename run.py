#!/usr/bin/env python3
"""One verb for everything: demo, demo-reset, test, quick, check, bench, faults, faults-prove, chaos.

Needs only a Python to start (3.8 is enough); finds a 3.11 to 3.13 to run on, makes .venv and installs what is pinned.
"""

import base64
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, ".venv")
FITTING = ((3, 11), (3, 12), (3, 13))


def say(text):
    """Print one line at once."""
    print(text, flush=True)


def stop(*lines):
    """Say what is missing and what to do about it, then end."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)
    raise SystemExit(1)


def find_python():
    """A Python that Countersign runs on: this one, else one on the PATH."""
    if sys.version_info[:2] in FITTING:
        return sys.executable
    for major, minor in FITTING:
        found = shutil.which("python%d.%d" % (major, minor))
        if found and subprocess.call([found, "-c", "import venv"], stderr=subprocess.DEVNULL) == 0:
            return found
    return stop(
        "Countersign needs Python 3.11, 3.12 or 3.13; this is %d.%d." % sys.version_info[:2],
        "  Debian: apt install python3 python3-venv     macOS: brew install python@3.12",
    )


def venv_python():
    """The Python inside .venv."""
    return os.path.join(VENV, "bin", "python")


def make_venv():
    """Make .venv unless it is there and works."""
    if (
        os.path.exists(venv_python())
        and subprocess.call([venv_python(), "-c", "import pip"], stderr=subprocess.DEVNULL) == 0
    ):
        return
    python = find_python()
    say("Making a virtual environment in .venv")
    if os.path.exists(VENV):
        shutil.rmtree(VENV)
    if subprocess.call([python, "-m", "venv", VENV]) != 0:
        stop("This Python cannot make virtual environments.", "  Debian: apt install python3-venv")


def stamp(name):
    """The file in .venv that says that these very requirements are installed."""
    with open(os.path.join(HERE, name), "rb") as handle:
        return os.path.join(VENV, "installed-" + hashlib.sha256(handle.read()).hexdigest()[:16])


def install(*files):
    """Install pinned requirements that are not there; a finished install costs a glance, a broken one is repeated."""
    make_venv()
    lacking = [name for name in files if not os.path.exists(stamp(name))]
    if not lacking:
        return
    say("Installing %s (once, a minute or two)" % " and ".join(lacking))
    started = time.time()
    command = [venv_python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary"]
    for name in lacking:
        command += ["-r", os.path.join(HERE, name)]
    if subprocess.call(command) != 0:
        stop("The packages could not be installed: see pip's words above. Then run the same command again.")
    for name in lacking:
        open(stamp(name), "w").close()
    say("Installed in %d s" % (time.time() - started))


def python(*arguments, **environment):
    """Run the virtual environment's Python and return its exit code; interruptions go to the child first."""
    env = dict(os.environ, **environment)
    env.setdefault("DJANGO_SETTINGS_MODULE", "practice.site.settings")
    process = subprocess.Popen([venv_python()] + list(arguments), cwd=HERE, env=env)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def module(name, *arguments, **environment):
    """Run a module of the virtual environment."""
    return python("-m", name, *arguments, **environment)


def demo(arguments):
    """Set up and start the demo: web, worker and sandboxes in this terminal."""
    port = os.environ.get("PORT", "8000")
    if not port.isdigit() or not 0 < int(port) < 65536:
        stop("PORT must be a number from 1 to 65535, not %r. For example: make demo PORT=8100" % port)
    install("requirements.txt")
    os.execv(venv_python(), [venv_python(), os.path.join(HERE, "manage.py"), "demo"] + arguments)


def demo_reset(arguments):
    """Start the demo over."""
    demo(["--fresh"] + arguments)


def test(arguments):
    """Run every test; what this machine lacks is named in a box at the end."""
    install("requirements.txt", "tests/requirements.txt")
    return module("tests.run", *arguments)


def quick(arguments):
    """Run the tests that take a minute."""
    install("requirements.txt", "tests/requirements.txt")
    return module("tests.run", "--quick", *arguments)


def check(_):
    """Run every check: style, types, layers, templates, migrations, deployment settings."""
    install("requirements.txt", "tests/requirements.txt")
    production = {
        "PRODUCTION": "1",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DATABASE_URL": "postgres://check@localhost/check",
        "SITE_URL": "https://countersign.example",
        "EMAIL_URL": "smtp://localhost:25",
        "FIELD_KEYS": "check:" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "XERO_CLIENT_ID": "x",
        "XERO_CLIENT_SECRET": "x",
        "XERO_WEBHOOK_KEY": "x",
        "QBO_CLIENT_ID": "x",
        "QBO_CLIENT_SECRET": "x",
        "QBO_VERIFIER": "x",
    }
    steps = (
        ("style", lambda: module("ruff", "check", ".")),
        ("format", lambda: module("ruff", "format", "--check", ".")),
        ("types", lambda: module("mypy")),
        ("layers", lambda: subprocess.call([os.path.join(VENV, "bin", "lint-imports")], cwd=HERE)),
        ("templates", lambda: module("djlint", "templates", "--lint", "--quiet")),
        ("migrations", lambda: python("manage.py", "makemigrations", "--check", "--dry-run")),
        ("deployment", lambda: python("manage.py", "check", "--deploy", "--fail-level", "WARNING", **production)),
    )
    failed = [name for name, step in steps if _step(name, step) != 0]
    if failed:
        stop("make check failed: " + ", ".join(failed))
    say("make check: all %d clean" % len(steps))
    return 0


def _step(name, step):
    say("-- " + name)
    return step()


def bench(arguments):
    """Measure and print; nothing is asserted."""
    install("requirements.txt", "tests/requirements.txt")
    return module("tests.benchmarks", *arguments)


def faults(arguments):
    """Run fault histories of the sync engine."""
    install("requirements.txt")
    return python("manage.py", "faults", *arguments)


def faults_prove(arguments):
    """Show that each rule of the engine is needed."""
    install("requirements.txt")
    return python("manage.py", "faults", "--prove", *arguments)


def chaos(arguments):
    """Kill and stop real processes while a firm works, on SQLite and on PostgreSQL."""
    install("requirements.txt", "tests/requirements.txt")
    return module("tests.chaos", *arguments)


VERBS = {
    "demo": demo,
    "demo-reset": demo_reset,
    "test": test,
    "quick": quick,
    "check": check,
    "bench": bench,
    "faults": faults,
    "faults-prove": faults_prove,
    "chaos": chaos,
}


def main():
    """Run one verb."""
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb not in VERBS:
        stop("usage: run.py " + "|".join(VERBS))
    try:
        raise SystemExit(VERBS[verb](sys.argv[2:]) or 0)
    except KeyboardInterrupt:
        stop("Stopped. The same command goes on from here.")


if __name__ == "__main__":
    main()
