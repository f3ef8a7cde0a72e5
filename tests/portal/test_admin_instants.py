"""Instants on staff pages: in Pacific time with their zone, and read in the same zone (K-1, UI-4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from portal import platform_time
from portal.models import Bulletin, IngestBatch, User
from portal.models.standings import FOREVER, Standing

pytestmark = [pytest.mark.rule("UI-4"), pytest.mark.rule("K-1"), pytest.mark.django_db]

ADD = reverse("admin:portal_bulletin_add")


def bulletin_form(day: str, time: str, **fields: str) -> dict[str, str]:
    return {
        "title_en": "Stars", "slug": "stars", "body_en": "New thresholds", "audience": "[]",
        "actions": "[]", "effective_on": "2022-12-06", "questions_until_0": day,
        "questions_until_1": time, **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "words", "below"),
    [
        ("en", "Jul 19, 2022 23:30 Pacific", "Jul 20, 2022 14:30 China"),
        ("zh-hans", "美西时间 2022年7月19日 23:30", "北京时间 2022年7月20日 14:30"),
    ],
)
def test_lists_and_sheets_name_the_zone(
    staff_client: Client, language: str, words: str, below: str
) -> None:
    """Half an hour before midnight of 19 July is 06:30 UTC of the 20th."""
    staff_client.cookies["django_language"] = language
    at = platform_time.parse_instant("2022-07-20T06:30:00Z")
    bulletin = Bulletin.objects.create(
        slug="stars", title_en="Stars", effective_on=date(2022, 12, 6), published_at=at
    )
    page = staff_client.get(reverse("admin:portal_bulletin_changelist")).content.decode()
    cell = re.search(r'class="field-published_at">(<time .*?</time>)</td>', page)
    assert cell is not None
    assert words in cell[1]
    assert f'title="{below}' in cell[1]
    assert re.search(r'class="sortable column-published_at', page)
    sheet = staff_client.get(reverse("admin:portal_bulletin_change", args=[bulletin.pk]))
    line = re.search(r"field-published_at.*?</time>", sheet.content.decode(), re.DOTALL)
    assert line is not None
    assert f"<span>{words}" in line[0]
    assert f"<small>{below}" in line[0]


def test_days_of_a_hierarchy_are_pacific_days(staff_client: Client) -> None:
    at = platform_time.parse_instant("2022-08-01T06:59:00Z")
    IngestBatch.objects.create(kind="orders", source="x", started_at=at)
    listed = reverse("admin:portal_ingestbatch_changelist")
    july = "?started_at__gte=2022-07-01T00:00:00-07:00&started_at__lt=2022-08-01T00:00:00-07:00"
    assert "Jul 31, 2022 23:59 Pacific" in staff_client.get(listed + july).content.decode()


def test_an_instant_is_read_in_the_zone_it_is_shown_in(
    staff_client: Client, clock: Callable[[str], None]
) -> None:
    clock("2022-07-20T12:00:00-07:00")
    assert "Pacific time." in staff_client.get(ADD).content.decode()
    assert staff_client.post(ADD, bulletin_form("2022-07-31", "18:00:00")).status_code == 302
    bulletin = Bulletin.objects.get()
    assert bulletin.questions_until == platform_time.parse_instant("2022-07-31T18:00:00-07:00")
    change = reverse("admin:portal_bulletin_change", args=[bulletin.pk])
    page = staff_client.get(change).content.decode()
    for part, text in (("0", "2022-07-31"), ("1", "18:00:00")):
        assert re.search(f'name="questions_until_{part}" value="{text}"', page)


def test_a_time_the_clocks_leap_over_is_refused_and_one_that_comes_twice_is_the_first(
    staff_client: Client, clock: Callable[[str], None]
) -> None:
    clock("2022-02-20T12:00:00-08:00")
    page = staff_client.post(ADD, bulletin_form("2022-03-13", "02:30:00"))
    assert "the clocks go forward on this day" in page.content.decode()
    assert not Bulletin.objects.exists()
    assert staff_client.post(ADD, bulletin_form("2022-11-06", "01:30:00")).status_code == 302
    bulletin = Bulletin.objects.get()
    assert bulletin.questions_until == platform_time.parse_instant("2022-11-06T01:30:00-07:00")


def test_saving_something_else_keeps_the_second_of_two_equal_times(
    staff_client: Client, clock: Callable[[str], None]
) -> None:
    clock("2022-07-20T12:00:00-07:00")
    second = platform_time.parse_instant("2022-11-06T01:30:00-08:00")
    bulletin = Bulletin.objects.create(
        slug="stars", title_en="Old", effective_on=date(2022, 12, 6), questions_until=second
    )
    change = reverse("admin:portal_bulletin_change", args=[bulletin.pk])
    assert staff_client.post(change, bulletin_form("2022-11-06", "01:30:00")).status_code == 302
    bulletin.refresh_from_db()
    assert (bulletin.title_en, bulletin.questions_until) == ("Stars", second)


def test_no_list_of_the_admin_shows_a_bare_instant_or_the_end_of_time(staff: User) -> None:
    """Whatever is registered goes through the one home of instants."""
    request = RequestFactory().get("/admin/")
    request.user = staff
    bare = []
    for model, page in admin.site._registry.items():
        for name in page.get_list_display(request):
            if not isinstance(name, str) or name not in {f.name for f in model._meta.fields}:
                continue
            found = model._meta.get_field(name)
            ends = issubclass(model, Standing) and found.default == FOREVER
            if isinstance(found, models.DateTimeField) or ends:
                bare.append(f"{model.__name__}.{name}")
    assert bare == []


def test_the_zone_ends_with_the_request(staff_client: Client) -> None:
    staff_client.get(reverse("admin:index"))
    assert timezone.get_current_timezone_name() == "UTC"
