"""What private files are uploaded for: who of staff may see them, and when nobody needs them any more.

An app registers its purposes in its own `file_purposes.py`; one that is not registered is seen by staff
with `portal.view_storedfile` and never swept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import QuerySet

from portal.models import StoredFile

VIEW_PERMISSION = "portal.view_storedfile"

Unused = Callable[["QuerySet[StoredFile]"], "QuerySet[StoredFile]"]


@dataclass(frozen=True)
class FilePurpose:
    """Rules of one purpose.

    `staff_permissions`: staff with any of them see its files, beside the members of the shop.
    `unused` narrows files of the purpose to those nothing refers to; older than a day they are
    deleted. Without it nothing is.
    """

    purpose: str
    staff_permissions: tuple[str, ...] = (VIEW_PERMISSION,)
    unused: Unused | None = None


_purposes: dict[str, FilePurpose] = {}


def register_file_purpose(
    purpose: str,
    *,
    staff_permissions: tuple[str, ...] = (VIEW_PERMISSION,),
    unused: Unused | None = None,
) -> None:
    """Say who sees the files of a purpose and which of them can go."""
    _purposes[purpose] = FilePurpose(purpose, staff_permissions, unused)


def file_purpose(purpose: str) -> FilePurpose:
    """Return the rules of a purpose."""
    return _purposes.get(purpose) or FilePurpose(purpose)


def swept_purposes() -> list[FilePurpose]:
    """Return the purposes whose unused files are deleted."""
    return [one for one in _purposes.values() if one.unused is not None]
