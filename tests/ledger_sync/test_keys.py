"""A call's key is its own, also in workers that were forked from one process."""

from __future__ import annotations

import os

from practice.core import owed


def test_forked_workers_draw_different_keys() -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, str(owed.chance.getrandbits(128)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    ours = owed.chance.getrandbits(128)
    assert int(os.read(reader, 64)) != ours
