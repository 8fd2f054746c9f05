"""Whether this process, or the one it was forked from, was asked to end: long work then stops at the next good place.

The sign is a byte of memory that forks share. A lock or an event of :mod:`multiprocessing` could be left taken by a
process that was killed, and would then hold up everybody's ending.
"""

from __future__ import annotations

import mmap

_asked = mmap.mmap(-1, 1)


def ask() -> None:
    """Ask this process and all its forks to end soon."""
    _asked[0] = 1


def asked() -> bool:
    """Whether to end soon."""
    return _asked[0] == 1


def forget() -> None:
    """Go on as if nobody had asked; for tests."""
    _asked[0] = 0
