"""Stories run in the whole world."""

from tests.world import sandboxes, world  # noqa: F401
