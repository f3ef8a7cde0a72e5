"""Uploads past a virus scanner, when one is configured (EPR-6).

With `CLAMAV_URL` every upload is sent to clamd before anything of it is kept. A scanner that cannot be
asked, or does not say that a file is clean, means that the file is not taken.
"""

from __future__ import annotations

import io
import logging
from urllib.parse import urlsplit

from clamav_client.clamd import ClamdError, ClamdNetworkSocket, ClamdUnixSocket
from django.conf import settings

TIMEOUT_SECONDS = 30
DEFAULT_PORT = 3310

logger = logging.getLogger(__name__)


class VirusFound(Exception):
    """The scanner knows it; the text is the name it has for it."""


class ScannerAway(Exception):
    """The scanner could not be asked, or gave no answer about the file."""


def virus_scan(data: bytes) -> None:
    """Return when the file is clean or no scanner is configured; raise `VirusFound` or `ScannerAway`."""
    if not settings.CLAMAV_URL:
        return
    try:
        answers = _clamd(settings.CLAMAV_URL).instream(io.BytesIO(data))
    except (ClamdError, OSError, ValueError) as error:
        logger.error("clamd at %s gave no answer: %r", settings.CLAMAV_URL, error)
        raise ScannerAway from error
    state, name = answers.get("stream", ("", None))
    if state == "FOUND":
        logger.warning("clamd found %s in an upload", name)
        raise VirusFound(name or "")
    if state != "OK":
        logger.error("clamd could not judge an upload: %s %s", state, name)
        raise ScannerAway


def _clamd(url: str) -> ClamdNetworkSocket:
    """Return a client; raises `ValueError` for an address that is none."""
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.path:
        return ClamdUnixSocket(path=parts.path, timeout=TIMEOUT_SECONDS)
    if parts.scheme == "tcp" and parts.hostname:
        return ClamdNetworkSocket(parts.hostname, parts.port or DEFAULT_PORT, TIMEOUT_SECONDS)
    raise ValueError("CLAMAV_URL is neither tcp://host:port nor unix:///path")
