"""API tokens: issued to people and services, stored as hashes, ending after `API_TOKEN_DAYS` (K-9)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from knox.models import get_token_model

from portal import platform_time
from portal.models import User
from portal.services import audit
from portal.services.notices import NoticeDraft, notice_send_many

WARNED_BEFORE = timedelta(days=30)
START = 8
"""Characters of a token, of 64, by which people tell theirs apart."""


def token_issue(*, user: User, actor: User | None = None) -> str:
    """Issue a new API token of a user and return it; it cannot be read again."""
    with transaction.atomic():
        stored, token = get_token_model().objects.create(user=user)
        ends = stored.expiry.isoformat() if stored.expiry else None
        audit.record(action="token.issue", actor=actor, obj=user, after={"ends": ends})
    return token


def token_start(token_key: str) -> str:
    """Return what may be shown of a token."""
    return f"{token_key[:START]}…"


def tokens_of(user: User) -> list[tuple[str, datetime | None]]:
    """Return how each token of a person begins, and the instant it ends; none for never."""
    rows = get_token_model().objects.filter(user=user).order_by("created")
    return [(token_start(key), ends) for key, ends in rows.values_list("token_key", "expiry")]


def tokens_warn() -> int:
    """Tell people once of each token of theirs that ends within 30 days; return how many are new (K-18)."""
    # Tokens live by the wall clock, whatever day is being lived through.
    now = platform_time.wall_clock()
    ending = get_token_model().objects.filter(
        expiry__gt=now, expiry__lte=now + WARNED_BEFORE, user__is_active=True
    )
    return notice_send_many(
        NoticeDraft(
            kind="token_ending",
            key=f"token:{digest[:32]}:ends",
            params={"start": token_start(key), "day": platform_time.day_of(expiry)},
            link="",
            seller_id=None,
            user_ids=[user],
        )
        for digest, key, expiry, user in ending.order_by("expiry").values_list(
            "digest", "token_key", "expiry", "user"
        )
    )
