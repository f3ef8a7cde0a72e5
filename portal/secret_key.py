"""The key that signs sessions and seals second factors, where nobody has named one."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

NAME = "secret_key"


def development_key(folder: Path) -> str:
    """Return the key kept in `folder`, made on the first call; only its owner may read the file.

    Processes that start at the same moment agree on one: the file appears whole, and once.
    """
    path = folder / NAME
    with contextlib.suppress(FileNotFoundError):
        return path.read_text("ascii")
    draft = folder / f".{NAME}-{os.getpid()}-{secrets.token_hex(4)}"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(64))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    return path.read_text("ascii")
