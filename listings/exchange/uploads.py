"""Files of imports between their preview and their confirmation."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.core import signing
from django.core.files.base import File
from django.core.files.storage import default_storage

from portal import platform_time
from portal.models import Member

FOLDER = "imports"
MAX_AGE = timedelta(days=1)
_SALT = "listings.import"


def upload_keep(upload: File, member: Member) -> tuple[str, str]:
    """Store an upload under a name nobody can guess; return the name and the member's token for it."""
    name = default_storage.save(f"{FOLDER}/{secrets.token_hex(16)}", upload)
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


@contextmanager
def local_copy(name: str) -> Iterator[Path]:
    """Give a stored upload as a file on this machine."""
    with tempfile.NamedTemporaryFile(prefix="import-") as copy:
        with default_storage.open(name) as stored:
            for part in stored.chunks():
                copy.write(part)
        copy.flush()
        yield Path(copy.name)


def uploads_purge() -> int:
    """Delete uploads nobody confirmed within a day; return how many."""
    if not default_storage.exists(FOLDER):
        return 0
    limit = platform_time.wall_clock() - MAX_AGE
    old = [
        name
        for name in (f"{FOLDER}/{one}" for one in default_storage.listdir(FOLDER)[1])
        if default_storage.get_modified_time(name) < limit
    ]
    for name in old:
        default_storage.delete(name)
    return len(old)
