"""Nights as staff and monitoring see them (NGT-4, NGT-6)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from portal.choices import RunState
from portal.models import JobRun, NightRun, User
from portal.nightly import engine, ledger
from portal.nightly.registry import Job, ShardContext, registry
from tests import factories
from tests.conftest import Clock

pytestmark = pytest.mark.django_db

DAY = date(2022, 8, 1)
LIST = "/admin/portal/nightrun/"


@pytest.fixture
def broken() -> set[str]:
    return set()


@pytest.fixture(autouse=True)
def _jobs(monkeypatch: pytest.MonkeyPatch, clock: Clock, broken: set[str]) -> None:
    def compute(ctx: ShardContext) -> None:
        if "count" in broken:
            raise ValueError("<b>no facts</b>")

    jobs = {
        "count": Job("count", "test", compute),
        "rank": Job("rank", "test", lambda ctx: None, declared_needs=("count",)),
    }
    monkeypatch.setattr(registry, "jobs", jobs)


@pytest.fixture
def watcher(db: None) -> Client:
    """Staff who may look at nights and nothing more."""
    user = factories.user_create("watcher", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_nightrun"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _night(day: date = DAY) -> NightRun:
    return engine.run_inline(run_id=ledger.night_start(as_of=day).pk)


@pytest.mark.rule("NGT-6")
def test_the_list_plots_durations_and_counts_queries_once(staff_client: Client) -> None:
    _night(DAY - timedelta(days=1))
    staff_client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        staff_client.get(LIST)
    _night()
    _night()
    with CaptureQueriesContext(connection) as three:
        page = staff_client.get(LIST).content.decode()
    assert len(three) == len(one)
    assert "<progress" in page
    assert 'class="plot-canvas"' in page
    assert "Newest complete day: 2022-08-01" in page


@pytest.mark.rule("NGT-6")
def test_a_failed_run_shows_the_error_as_text_and_reloads_only_while_open(
    staff_client: Client, broken: set[str]
) -> None:
    broken.add("count")
    run = _night()
    page = staff_client.get(f"{LIST}{run.pk}/change/").content.decode()
    assert "&lt;b&gt;no facts&lt;/b&gt;" in page
    assert "Blocked: it needs count" in page
    assert "http-equiv" not in page
    open_run = ledger.night_start(as_of=DAY - timedelta(days=1))
    assert (
        'http-equiv="refresh"' in staff_client.get(f"{LIST}{open_run.pk}/change/").content.decode()
    )


@pytest.mark.rule("NGT-4")
def test_starting_a_night_takes_a_preview_and_a_confirmation(
    staff_client: Client, staff: User
) -> None:
    page = staff_client.get(f"{LIST}start/").content.decode()
    assert 'value="2022-08-01"' in page
    asked = {"day": "2022-08-01", "jobs": ["rank"], "reason": "late orders"}
    preview = staff_client.post(f"{LIST}start/", asked).content.decode()
    assert "count, rank" in preview
    assert not NightRun.objects.exists()
    done = staff_client.post(f"{LIST}start/", {**asked, "confirmed": "Start"})
    run = NightRun.objects.get()
    assert done.url == f"{LIST}{run.pk}/change/"
    assert (run.requested_by, run.reason, run.jobs_asked) == (staff, "late orders", ["rank"])
    too_late = {"day": "2022-08-02", "reason": "", "confirmed": "Start"}
    assert b"cannot be computed yet" in staff_client.post(f"{LIST}start/", too_late).content
    assert NightRun.objects.count() == 1


@pytest.mark.rule("NGT-4")
def test_recompute_previews_the_days_before_it_starts_them(staff_client: Client) -> None:
    for days in (2, 1, 0):
        _night(DAY - timedelta(days=days))
    asked = {"day": "2022-07-31", "reason": ""}
    preview = staff_client.post(f"{LIST}recompute/", asked).content.decode()
    assert "2022-07-31, 2022-08-01" in preview
    assert NightRun.objects.count() == 3
    confirmed = {**asked, "previewed": "2022-07-31 2022-08-01", "confirmed": "Start"}
    assert 'value="2022-07-31 2022-08-01"' in preview
    staff_client.post(f"{LIST}recompute/", confirmed)
    again = NightRun.objects.filter(number=2).values_list("as_of", flat=True)
    assert sorted(again) == [date(2022, 7, 31), DAY]


@pytest.mark.rule("NGT-6")
def test_retry_needs_a_post(staff_client: Client, broken: set[str]) -> None:
    broken.add("count")
    run = _night()
    address = reverse("admin:portal_nightrun_retry", args=[run.jobs.get(job="count").pk])
    assert staff_client.get(address).status_code == 200
    assert run.jobs.get(job="count").state == RunState.FAILED
    broken.clear()
    staff_client.post(address)
    engine.run_inline(run_id=run.pk)
    run.refresh_from_db()
    assert run.state == RunState.COMPLETE


@pytest.mark.rule("NGT-4", "NGT-6")
def test_staff_without_the_permission_see_but_do_not_start(
    watcher: Client, broken: set[str]
) -> None:
    broken.add("count")
    run = _night()
    assert b"Start a night" not in watcher.get(LIST).content
    assert watcher.get(f"{LIST}{run.pk}/change/").status_code == 200
    retry = reverse("admin:portal_nightrun_retry", args=[run.jobs.get(job="count").pk])
    confirmed = {"day": "2022-07-01", "confirmed": "Start"}
    for address in (f"{LIST}start/", f"{LIST}recompute/", retry):
        assert watcher.post(address, confirmed).status_code == 403
    assert NightRun.objects.count() == 1
    assert JobRun.objects.get(job="count").state == RunState.FAILED
    for address in (f"{LIST}add/", f"{LIST}{run.pk}/delete/"):
        assert watcher.post(address).status_code == 403


@pytest.mark.rule("NGT-6")
def test_the_api_shows_nights_to_staff_only(staff_api: Any, owner_api: Any) -> None:
    _night()
    _night()
    rows = staff_api.get("/api/v1/nights").json()["results"]
    assert [(row["as_of"], row["number"]) for row in rows] == [("2022-08-01", 2), ("2022-08-01", 1)]
    night = staff_api.get("/api/v1/nights/2022-08-01").json()
    assert [(job["job"], job["state"], job["done"]) for job in night["jobs"]] == [
        ("count", "complete", 1),
        ("rank", "complete", 1),
    ]
    assert staff_api.get("/api/v1/nights/2022-07-01").status_code == 404
    assert staff_api.get("/api/v1/nights/yesterday").status_code == 404
    assert owner_api.get("/api/v1/nights").status_code == 403
    assert owner_api.get("/api/v1/nights/2022-08-01").status_code == 403


@pytest.mark.rule("NGT-6")
def test_health_names_the_last_complete_day_and_its_age(client: Client) -> None:
    assert client.get("/healthz").json()["last_complete_day"] is None
    _night(DAY - timedelta(days=1))
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "database": "ok",
        "last_complete_day": "2022-07-31",
        "last_complete_day_age_days": 3,
        "nights_behind": 1,
    }


@pytest.mark.rule("NGT-6")
def test_prometheus_counts_open_runs_and_failed_shards(
    staff_client: Client, broken: set[str]
) -> None:
    broken.add("count")
    _night()
    ledger.night_start(as_of=DAY - timedelta(days=1))
    text = staff_client.get("/metrics").content.decode()
    assert "portal_nights_open 1.0" in text
    assert "portal_night_shards_failed 1.0" in text
    assert "portal_last_complete_day_age_days" in text
    broken.clear()
    _night()
    text = staff_client.get("/metrics").content.decode()
    assert "portal_night_shards_failed 0.0" in text
    assert "portal_last_complete_day_age_days 2.0" in text


@pytest.mark.django_db(transaction=True)
@pytest.mark.rule("NGT-1", "API-1")
def test_a_night_is_started_over_the_api_by_those_who_may(
    clock: Any, staff_api: APIClient, owner_api: APIClient
) -> None:
    clock("2022-07-21T12:00:00-07:00")
    assert owner_api.post("/api/v1/nights", {"as_of": "2022-07-19"}).status_code == 403
    refused = staff_api.post("/api/v1/nights", {"as_of": "2022-07-20"})
    assert (refused.status_code, refused.json()["code"]) == (409, "day_not_over")
    assert staff_api.post("/api/v1/nights", {"as_of": "soon"}).status_code == 400
    assert not NightRun.objects.exists()
    started = staff_api.post("/api/v1/nights", {"as_of": "2022-07-19", "reason": "late facts"})
    assert started.status_code == 202
    assert NightRun.objects.get().reason == "late facts"
