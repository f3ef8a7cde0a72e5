"""The portal on a SQLite file whose write lock is waited for a second, not twenty: so that a test need not wait."""

from __future__ import annotations

from portal.settings import *  # noqa: F403
from portal.settings import DATABASES

DATABASES["default"]["OPTIONS"]["timeout"] = 1
