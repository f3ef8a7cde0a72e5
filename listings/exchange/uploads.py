"""Files of imports between their preview and their confirmation."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

from django.core import signing
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile

from portal import platform_time
from portal.models import Member
from portal.services.files import folder_sweep, upload_keep

FOLDER = "imports"
MAX_AGE = timedelta(days=1)
_SALT = "listings.import"


def import_keep(upload: UploadedFile, member: Member) -> tuple[str, str]:
    """Store an upload under a name nobody can guess; return the name and the member's token for it.

    Raises `FileNotKept` (503) when there is no room for it; nothing is half kept then.
    """
    name = upload_keep(upload=upload, path=f"{FOLDER}/{secrets.token_hex(16)}")
    return name, signing.dumps({"file": name, "member": member.pk}, salt=_SALT)


def upload_named(token: str, member: Member) -> str | None:
    """Return the file of a token, or None when it is another member's, too old or gone."""
    try:
        found = signing.loads(token, salt=_SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return None
    name = str(found.get("file", ""))
    mine = found.get("member") == member.pk
    return name if mine and default_storage.exists(name) else None


def upload_drop(name: str) -> None:
    """Delete a stored upload."""
    default_storage.delete(name)


def upload_path(name: str) -> Path:
    """Return where a stored upload lies."""
    return Path(default_storage.path(name))


def uploads_purge() -> int:
    """Delete uploads nobody confirmed within a day; return how many."""
    before = platform_time.wall_clock() - MAX_AGE
    return folder_sweep(folder=FOLDER, before=before, named=lambda _paths: ())
