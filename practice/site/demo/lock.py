"""One demo at a time: a lock that the system lets go of however its holder ends, with a word on what the holder does."""

from __future__ import annotations

import fcntl
from pathlib import Path


class Lock:
    """A file that one process holds; the others can read what it wrote there."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("a+")

    def take(self) -> str | None:
        """Take it. Returns None, or what its holder wrote while it is held."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.file.seek(0)
            return self.file.read()
        self.write("")
        return None

    def write(self, words: str) -> None:
        """Leave a word for whoever finds it taken."""
        self.file.seek(0)
        self.file.truncate()
        self.file.write(words)
        self.file.flush()
