"""The site's settings on a database whose processes may die after a commit."""

from practice.site.settings import *  # noqa: F403 (the very same ones)
from practice.site.settings import DATABASES

_vendor = "sqlite" if "sqlite" in DATABASES["default"]["ENGINE"] else "postgresql"
DATABASES["default"]["ENGINE"] = f"practice.site.chaos.{_vendor}"
