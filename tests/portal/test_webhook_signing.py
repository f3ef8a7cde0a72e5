"""Signatures of webhooks: the specification's own vector, rotation, what is stored (API-1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from portal.models import WebhookEndpoint
from portal.webhooks.signing import secret_text, sign, signed_headers

pytestmark = pytest.mark.rule("API-1")

AT = datetime(2022, 8, 3, 19, tzinfo=UTC)


def test_the_signature_of_the_reference_libraries() -> None:
    """The vector in the documentation of the reference libraries of Standard Webhooks."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign(
        secret,
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """What a receiver does, as `docs/webhooks.md` shows it."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(
        hmac.compare_digest(one, f"v1,{wanted}") for one in headers["webhook-signature"].split()
    )


def headers_of(endpoint: WebhookEndpoint, at: datetime = AT) -> dict[str, str]:
    return signed_headers(endpoint, event_id="evt_1", at=at, body=b"{}")


def test_while_a_secret_rotates_both_hold_and_afterwards_the_new_one_alone() -> None:
    until = AT + timedelta(hours=24)
    endpoint = WebhookEndpoint(secret_salt="new", previous_salt="old", previous_until=until)
    old, new = secret_text("old"), secret_text("new")
    before, after = headers_of(endpoint, until - timedelta(seconds=1)), headers_of(endpoint, until)
    assert verified(new, before, b"{}")
    assert verified(old, before, b"{}")
    assert verified(new, after, b"{}")
    assert not verified(old, after, b"{}")
    assert not verified(new, after, b"{ }")
    assert not verified(new, {**after, "webhook-timestamp": "1"}, b"{}")
    assert not verified(new, {**after, "webhook-id": "evt_2"}, b"{}")


def test_a_secret_outlives_the_key_of_the_portal_while_that_is_a_fallback(settings) -> None:
    endpoint = WebhookEndpoint(secret_salt="salt")
    known = secret_text("salt")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"
    assert secret_text("salt") != known
    assert verified(known, headers_of(endpoint), b"{}")
    settings.SECRET_KEY_FALLBACKS = []
    assert not verified(known, headers_of(endpoint), b"{}")


def test_secrets_are_long_and_not_the_salt() -> None:
    first, second = secret_text("a"), secret_text("b")
    assert first != second
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
