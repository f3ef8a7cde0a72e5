"""API tokens: issued to people and services, stored as hashes."""

from __future__ import annotations

from django.db import transaction
from knox.models import get_token_model

from portal.models import User
from portal.services import audit


def token_issue(*, user: User, actor: User | None = None) -> str:
    """Issue a new API token of a user and return it; it cannot be read again."""
    with transaction.atomic():
        _stored, token = get_token_model().objects.create(user=user)
        audit.record(action="token.issue", actor=actor, obj=user)
    return token
