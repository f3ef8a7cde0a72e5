"""What `docs/webhooks.md` tells receivers is so (API-1)."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from portal import platform_time
from portal.models import WebhookEndpoint
from portal.services.webhook_deliveries import JITTER, RETRY_AFTER
from portal.webhooks.events import TEST, WEBHOOK_EVENTS
from portal.webhooks.signing import secret_text, signed_headers

pytestmark = pytest.mark.rule("API-1")

TEXT = (settings.BASE_DIR / "docs" / "webhooks.md").read_text("utf-8")


def test_the_sample_verifies_what_we_sign_and_nothing_else() -> None:
    sample = re.findall(r"```python\n(.+?)```", TEXT, re.S)[0]
    names: dict[str, Any] = {}
    exec(sample, names)  # noqa: S102  our own documentation
    verified = names["verified"]
    at = platform_time.wall_clock()
    endpoint = WebhookEndpoint(
        secret_salt="new", previous_salt="old", previous_until=at + timedelta(hours=1)
    )
    headers = signed_headers(endpoint, event_id="evt_1", at=at, body=b"{}")
    for salt in ("new", "old"):
        assert verified(secret_text(salt), headers, b"{}")
    assert not verified(secret_text("other"), headers, b"{}")
    assert not verified(secret_text("new"), headers, b"[]")
    long_ago = at - timedelta(minutes=6)
    stale = signed_headers(endpoint, event_id="evt_1", at=long_ago, body=b"{}")
    assert not verified(secret_text("new"), stale, b"{}")


def test_the_table_of_retries_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) (\w+?)s? \| ([\d.]+) (\w+?)s? \|$", TEXT, re.M)
    assert [int(attempt) for attempt, *_waits in rows] == list(range(2, len(RETRY_AFTER) + 2))
    since_first = timedelta()
    for (_attempt, wait, unit, total, total_unit), real in zip(rows, RETRY_AFTER, strict=True):
        since_first += real
        assert _duration(wait, unit) == real
        assert abs(_duration(total, total_unit) - since_first) <= timedelta(minutes=3)
    assert JITTER == 0.1


def _duration(number: str, unit: str) -> timedelta:
    return timedelta(**{f"{unit}s": float(number)})


@pytest.mark.parametrize("kind", sorted(set(WEBHOOK_EVENTS) - {TEST}))
def test_each_event_is_shown_with_its_example(kind: str) -> None:
    assert f"| `{kind}` |" in TEXT
    _before, after = TEXT.split(f"\n`{kind}`:", 1)
    shown = re.search(r"\n    (\{.+?\})\n\n", after, re.S)
    assert shown is not None
    example = json.loads(shown[1])
    assert set(example) == set(WEBHOOK_EVENTS[kind].example)
    same = {name: value for name, value in example.items() if "_at" not in name}
    assert same == {name: WEBHOOK_EVENTS[kind].example[name] for name in same}
