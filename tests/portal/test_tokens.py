"""API tokens: how long they hold, and who is told before they end (K-9, K-18)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken
from rest_framework.test import APIClient

from portal import platform_time
from portal.models import Member, Notice
from portal.scoping import unscoped
from portal.services.tokens import token_issue, tokens_warn

pytestmark = [pytest.mark.django_db, pytest.mark.rule("K-9"), pytest.mark.once]


def status(token: str) -> int:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return int(client.get("/api/v1/me").status_code)


def ends_in(token: str, **amount: float) -> None:
    rows = AuthToken.objects.filter(token_key=token[:15])
    assert rows.update(expiry=platform_time.wall_clock() + timedelta(**amount)) == 1


def test_a_token_holds_a_year_and_then_no_longer(owner: Member) -> None:
    token = token_issue(user=owner.user)
    lasts = AuthToken.objects.get().expiry - platform_time.wall_clock()
    assert timedelta(days=364) < lasts <= timedelta(days=365)
    ends_in(token, seconds=60)
    assert status(token) == 200
    ends_in(token, seconds=-1)
    assert status(token) == 401
    assert not AuthToken.objects.exists()


@pytest.mark.rule("K-18")
def test_people_are_told_once_before_a_token_ends(owner: Member, stranger: Member) -> None:
    soon, later, over = (token_issue(user=owner.user) for _each in range(3))
    ends_in(soon, days=29)
    ends_in(later, days=31)
    ends_in(over, days=-1)
    off = token_issue(user=stranger.user)
    ends_in(off, days=1)
    stranger.user.is_active = False
    stranger.user.save()
    assert [tokens_warn(), tokens_warn()] == [1, 0]
    with unscoped():
        notice = Notice.objects.get()
    assert notice.user == owner.user
    assert notice.mail_due_at is not None
    assert soon[:8] in str(notice.body)
    assert soon[:9] not in f"{notice.body} {notice.key} {notice.params}"
    ends_in(later, days=30)
    assert tokens_warn() == 1


def test_staff_see_how_tokens_begin_and_when_they_end(staff_client: Client, owner: Member) -> None:
    token = token_issue(user=owner.user)
    day = platform_time.day_of(AuthToken.objects.get().expiry)
    page = staff_client.get(reverse("admin:portal_user_change", args=[owner.user.pk]))
    assert f"{token[:8]}…" in page.content.decode()
    assert str(day.year) in page.content.decode()
    assert token[:9] not in page.content.decode()
