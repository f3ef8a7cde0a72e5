"""The kinds of event that shops can be told of; each app registers its own in `webhook_events.py` (API-1).

    register_webhook_event(
        "quote.replied", label=_("Quote replied"), about=_("A buyer answered …"), example={…}
    )

A change of `data` that a receiver could stumble over is a new `version`; an addition is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

TEST = "webhook.test"
"""What the owner sends to try an endpoint out; every endpoint takes it."""


@dataclass(frozen=True)
class WebhookEventKind:
    """One type of event: its name for programs and for people, and what its `data` looks like."""

    type: str
    label: str | Promise
    about: str | Promise
    version: int = 1
    example: dict[str, Any] = field(default_factory=dict)


WEBHOOK_EVENTS: dict[str, WebhookEventKind] = {}


def register_webhook_event(
    type: str,
    *,
    label: str | Promise,
    about: str | Promise,
    version: int = 1,
    example: dict[str, Any],
) -> WebhookEventKind:
    """Declare a type of event once, at import."""
    if type in WEBHOOK_EVENTS:
        raise ValueError(f"webhook event {type!r} is declared twice")
    kind = WebhookEventKind(type, label, about, version, example)
    WEBHOOK_EVENTS[type] = kind
    return kind


def webhook_kinds() -> list[WebhookEventKind]:
    """Return the kinds a shop can choose, by name."""
    return sorted(
        (kind for kind in WEBHOOK_EVENTS.values() if kind.type != TEST), key=lambda kind: kind.type
    )


register_webhook_event(
    TEST,
    # Translators: 测试事件
    label=_("Test"),
    about=_("Sent by hand to try an endpoint out."),
    example={"message": "It works."},
)
