"""Signatures by the Standard Webhooks specification, version 1 (API-1).

What is signed is `id.timestamp.body`, with HMAC-SHA256 under the endpoint's secret. Secrets are not
stored: each follows from a random salt of the endpoint and the portal's `SECRET_KEY`. While a key is
among `SECRET_KEY_FALLBACKS`, what it signed is signed with it still, so a receiver that knows an
older secret goes on understanding.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from portal.models import WebhookEndpoint

PREFIX = "whsec_"
_PURPOSE = b"portal.webhooks.secret:"


def new_salt() -> str:
    """Return what a new secret follows from."""
    return secrets.token_hex(32)


def secret_text(salt: str) -> str:
    """Return the secret of a salt as receivers are told it: `whsec_` and base64 of 32 bytes."""
    return PREFIX + base64.b64encode(_secret(salt, settings.SECRET_KEY)).decode()


def sign(secret: bytes, *, event_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature, `v1,<base64>`; `timestamp` is in seconds since 1970."""
    signed = b".".join([event_id.encode(), str(timestamp).encode(), body])
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def signed_headers(
    endpoint: WebhookEndpoint, *, event_id: str, at: datetime, body: bytes
) -> dict[str, str]:
    """Return the three headers of an attempt: one signature per secret that counts at this instant."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(
            sign(secret, event_id=event_id, timestamp=timestamp, body=body)
            for secret in _live_secrets(endpoint, at)
        ),
    }


def _live_secrets(endpoint: WebhookEndpoint, at: datetime) -> Iterable[bytes]:
    salts = [endpoint.secret_salt]
    if endpoint.previous_until is not None and at < endpoint.previous_until:
        salts.append(endpoint.previous_salt)
    for salt in salts:
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            yield _secret(salt, key)


def _secret(salt: str, key: str) -> bytes:
    return hmac.digest(key.encode(), _PURPOSE + salt.encode(), hashlib.sha256)
