"""Somebody at the firm, in a process of their own that may die: does what a line of standard input names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import django


def main() -> None:
    """Read one act a line, with the ids of practice, service and entities; each is answered with a line."""
    django.setup()
    from ledger_sync.faultmachine import people
    from ledger_sync.faultmachine.deeds import Deeds
    from ledger_sync.faultmachine.plans import Act
    from ledger_sync.faultmachine.world import FIRMS, Books, Stage

    for line in sys.stdin:
        asked = json.loads(line)
        # People know the firm's rows alone: neither the ledgers nor what the bookkeepers did there.
        books = tuple(Books(FIRMS[name], None, entity, 0, Deeds()) for name, entity in asked["entities"].items())
        stage = Stage(Path(), asked["practice_id"], asked["service_id"], books, {})
        people.do(stage, Act(asked["name"], asked["nth"], 0))
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
