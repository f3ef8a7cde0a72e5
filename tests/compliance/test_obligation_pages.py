"""The calendar as people and programs see it: page, feed, API (EPR-9)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import icalendar
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from compliance.models import CalendarFeed, Certificate, Declaration
from compliance.obligations.actions import declare
from compliance.services.obligations import declaration_tick, feed_create, feed_remove
from compliance.views.calendar_feed import FeedThrottle
from portal import platform_time
from portal.choices import Role
from portal.errors import NotAllowed
from portal.models import Member, Seller
from portal.platform_time import start_of
from portal.scoping import seller_scope, unscoped
from portal.services.members import member_change_role, member_deactivate
from tests import factories
from tests.compliance.world import certificate_create, product_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-9")]

SEPTEMBER = date(2022, 9, 15)
API = "/api/v1/compliance/"


@pytest.fixture
def battery(shop: Seller, clock: Any) -> Certificate:
    """A German battery registration of the shop that counts since 3 August."""
    return certificate_create(
        seller=shop,
        category="battery",
        number="DE12345678",
        valid_from=start_of(date(2022, 8, 3)),
    )


# --- The page -----------------------------------------------------------------------------------


def test_the_page_shows_what_is_due_overdue_and_done(
    battery: Certificate, owner: Member, owner_client: Client, viewer_client: Client, clock: Any
) -> None:
    clock.noon(date(2022, 10, 20))
    declaration_tick(member=owner, certificate=battery, due_on=SEPTEMBER)
    page = owner_client.get(reverse("compliance:calendar"))
    shown = page.context
    assert [str(one.due.due_on) for one in shown["overdue"]] == ["2022-10-15"]
    assert [str(one.due.due_on) for one in shown["done"]] == ["2022-09-15"]
    assert [str(month) for month, _rows in shown["months"]][:2] == ["2022-11-01", "2022-12-01"]
    assert "declares September 2022" in " ".join(page.content.decode().split())
    # A viewer reads and has nothing to tick.
    read = viewer_client.get(reverse("compliance:calendar")).content.decode()
    assert "DE12345678" in read
    assert reverse("compliance:calendar-tick") not in read


def test_ticking_on_the_page_needs_no_script(
    battery: Certificate,
    shop: Seller,
    colleague_client: Client,
    viewer_client: Client,
    stranger_client: Client,
    clock: Any,
) -> None:
    clock.noon(date(2022, 9, 1))
    url = reverse("compliance:calendar-tick")
    sent = {"certificate": battery.pk, "due_on": "2022-09-15", "done": "1"}
    assert viewer_client.post(url, sent).status_code == 403
    assert stranger_client.post(url, sent).status_code == 404
    for wrong in ({"due_on": "soon"}, {"certificate": "x"}, {"certificate": "9" * 30}):
        assert colleague_client.post(url, sent | wrong).status_code == 404
    refused = colleague_client.post(url, sent | {"due_on": "2022-09-16"}, follow=True)
    assert "nothing to declare on that day" in refused.content.decode()
    with unscoped():
        assert not Declaration.objects.exists()
    answer = colleague_client.post(url, sent | {"registration": battery.pk})
    assert answer.url == f"{reverse('compliance:calendar')}?registration={battery.pk}"
    with unscoped():
        assert Declaration.objects.get().due_on == SEPTEMBER
    colleague_client.post(url, sent | {"done": "0"})
    with unscoped():
        assert not Declaration.objects.exists()


def test_the_page_can_be_narrowed_and_costs_the_same_queries(
    battery: Certificate,
    shop: Seller,
    other_shop: Seller,
    owner_client: Client,
    categories: Any,
    django_assert_max_num_queries: Any,
) -> None:
    def queries() -> int:
        with django_assert_max_num_queries(40) as counted:
            owner_client.get(reverse("compliance:calendar"))
        return len(counted)

    product_create(seller=shop, epr_traits=["electrical"])
    queries()
    few = queries()
    others = [
        certificate_create(seller=shop, category="battery", number=f"DE9000000{number}")
        for number in range(4)
    ]
    product_create(seller=shop, epr_traits=["packaging", "textile"])
    assert queries() == few
    page = owner_client.get(reverse("compliance:calendar"), {"registration": others[0].pk})
    rows = {one.certificate.pk for _month, rows in page.context["months"] for one in rows}
    assert rows == {others[0].pk}
    foreign = certificate_create(seller=other_shop)
    for wrong in (foreign.pk, "x", "9" * 30):
        answer = owner_client.get(reverse("compliance:calendar"), {"registration": wrong})
        assert answer.status_code == 404


def test_missing_numbers_stand_on_the_page_with_their_lead_time(
    shop: Seller, owner_client: Client, categories: Any, clock: Any
) -> None:
    product_create(seller=shop, countries=("DE",), epr_traits=["electrical"])
    page = " ".join(owner_client.get(reverse("compliance:calendar")).content.decode().split())
    for text in ("Oct 4, 2022", "6–12 weeks", "Dec 27, 2022", "Nothing to declare"):
        assert text in page


def test_the_home_page_says_what_to_declare_next(
    battery: Certificate, shop: Seller, owner: Member, viewer: Member, clock: Any
) -> None:
    def offered(member: Member, day: date) -> list[str]:
        clock.noon(day)
        with seller_scope(shop):
            return [str(one.title) for one in declare(shop, member, day)]

    assert offered(owner, date(2022, 8, 31)) == []
    # The period is over and the due day two weeks away.
    assert offered(owner, date(2022, 9, 1)) == ["Declare Germany · Batteries, August 2022"]
    late = offered(owner, date(2022, 10, 16))
    assert late == [
        f"Declare Germany · Batteries, {month} 2022" for month in ("August", "September")
    ]
    assert offered(viewer, date(2022, 10, 16)) == []


# --- The feed -----------------------------------------------------------------------------------


def path_of(token: str) -> str:
    return reverse("compliance:calendar-file", args=[token])


def events(answer: Any) -> list[Any]:
    assert answer.status_code == 200
    return list(icalendar.Calendar.from_ical(answer.content).walk("VEVENT"))


def test_programs_read_the_calendar_without_signing_in(
    battery: Certificate, owner: Member, other_shop: Seller, client: Client, clock: Any
) -> None:
    certificate_create(seller=other_shop, category="battery", number="DE87654321")
    path = path_of(feed_create(member=owner))
    first = client.get(path)
    assert first["Content-Type"] == "text/calendar; charset=utf-8"
    assert first["Cache-Control"].startswith("private")
    found = events(first)
    event = found[0]
    assert event["DTSTART"].dt == SEPTEMBER
    assert event["DTEND"].dt == SEPTEMBER + timedelta(days=1)
    assert str(event["SUMMARY"]) == "Declare Germany · Batteries, August 2022"
    assert [one["TRIGGER"].dt.days for one in event.walk("VALARM")] == [-7, -1]
    assert event["DTSTAMP"].dt == start_of(date(2022, 8, 3))
    text = first.content.decode()
    for private in ("DE87654321", owner.user.username, "Suzhou", "cn1001"):
        assert private not in text
    # Days later nothing has changed, so not a byte does.
    clock.advance(hours=5)
    again = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304


def test_a_tick_and_a_renewal_keep_the_event(
    battery: Certificate, shop: Seller, owner: Member, client: Client, clock: Any
) -> None:
    path = path_of(feed_create(member=owner))
    uid = events(client.get(path))[0]["UID"]
    clock.noon(date(2022, 9, 2))
    declaration_tick(member=owner, certificate=battery, due_on=SEPTEMBER)
    ticked = events(client.get(path))[0]
    assert (ticked["UID"], ticked.walk("VALARM")) == (uid, [])
    assert str(ticked["SUMMARY"]) == "Declared: Germany · Batteries, August 2022"
    assert ticked["DTSTAMP"].dt == platform_time.now()
    now = platform_time.now()
    with unscoped():
        Certificate.objects.filter(pk=battery.pk).update(valid_until=now, status="replaced")
    certificate_create(seller=shop, category="battery", number="DE12345678", valid_from=now)
    assert events(client.get(path))[0]["UID"] == uid
    uids = [event["UID"] for event in events(client.get(path))]
    assert len(uids) == len(set(uids))
    # The registration ends: all of it is gone.
    with unscoped():
        Certificate.objects.update(valid_until=now)
    assert events(client.get(path)) == []


def test_the_feed_speaks_the_owners_language_or_the_one_asked_for(
    battery: Certificate, owner: Member, client: Client
) -> None:
    path = path_of(feed_create(member=owner))
    owner.user.language = "zh-hans"
    owner.user.save()
    with translation.override("zh-hans"):
        chinese = "2022年8月"
    assert chinese in str(events(client.get(path))[0]["SUMMARY"])
    for wanted, text in (("en", "August 2022"), ("zh-hans", chinese), ("xx", chinese)):
        answer = client.get(path, {"lang": wanted})
        assert text in str(events(answer)[0]["SUMMARY"]), wanted


@pytest.mark.rule("K-7", "K-8")
def test_the_address_ends_with_the_membership_of_who_made_it(
    battery: Certificate, shop: Seller, owner: Member, client: Client, owner_client: Client
) -> None:
    """Who made it knows it: a former owner, and one who is an owner no more, reads nothing."""
    second = factories.member_create(shop, Role.OWNER, "second-owner")
    path = path_of(feed_create(member=second))
    assert client.get(path).status_code == 200
    member_change_role(actor=owner.user, member=second, role=Role.VIEWER)
    assert client.get(path).status_code == 404
    assert (
        "second-owner" not in owner_client.get(reverse("compliance:calendar-feed")).content.decode()
    )
    member_change_role(actor=owner.user, member=second, role=Role.OWNER)
    assert client.get(path).status_code == 200
    assert "second-owner" in owner_client.get(reverse("compliance:calendar-feed")).content.decode()
    member_deactivate(actor=owner.user, member=second)
    assert client.get(path).content == client.get(path_of("x" * 43)).content
    assert client.get(path).status_code == 404


def test_a_token_is_kept_as_a_hash_and_dies_when_replaced_or_removed(
    battery: Certificate, owner: Member, colleague: Member, client: Client
) -> None:
    old = feed_create(member=owner)
    with unscoped():
        assert old not in str(CalendarFeed.objects.values().get())
    new = feed_create(member=owner)
    for token, status in ((old, 404), (new, 200), ("x", 404)):
        assert client.get(path_of(token)).status_code == status
    with pytest.raises(NotAllowed):
        feed_create(member=colleague)
    with pytest.raises(NotAllowed):
        feed_remove(member=colleague)
    assert client.get(path_of(new)).status_code == 200
    assert feed_remove(member=owner)
    assert not feed_remove(member=owner)
    assert client.get(path_of(new)).status_code == 404


def test_the_address_is_shown_once_on_the_page(
    battery: Certificate, owner_client: Client, colleague_client: Client, client: Client
) -> None:
    page = reverse("compliance:calendar-feed")
    assert colleague_client.post(page).status_code == 403
    made = owner_client.post(page)
    address = made.context["address"]
    assert address in made.content.decode()
    assert made["Cache-Control"] == "no-store"
    token = address.rpartition("/")[2]
    assert token not in owner_client.get(page).content.decode()
    path = address.removeprefix(settings.BASE_URL)
    assert client.get(path).status_code == 200
    remove = reverse("compliance:calendar-feed-remove")
    assert owner_client.get(remove).status_code == 200
    assert client.get(path).status_code == 200
    owner_client.post(remove)
    assert client.get(path).status_code == 404


def test_guessing_addresses_is_slow(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(FeedThrottle, "rate", "3/min")
    answers = [client.get(path_of(f"guess-{number}")) for number in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert int(answers[3]["Retry-After"]) > 0


# --- The API ------------------------------------------------------------------------------------


def test_obligations_over_the_api(
    battery: Certificate,
    shop: Seller,
    categories: Any,
    owner_api: Any,
    viewer_api: Any,
    stranger_api: Any,
    clock: Any,
) -> None:
    product_create(seller=shop, countries=("DE",), epr_traits=["electrical"])
    answer = viewer_api.get(f"{API}obligations").json()
    assert answer["results"][0] == {
        "certificate": battery.pk,
        "country": "DE",
        "category": "battery",
        "number": "DE12345678",
        "due_on": "2022-09-15",
        "period": {
            "start": "2022-08-01",
            "end": "2022-08-31",
            "text": "August 2022",
            "planned": False,
        },
        "state": "due",
        "declared_at": None,
        "can_be_ticked": False,
    }
    assert answer["missing"] == [
        {
            "country": "DE",
            "category": "electrical",
            "products": 1,
            "weeks": [6, 12],
            "register_before": "2022-10-04",
            "interrupts_on": "2022-12-27",
        }
    ]
    tick = {"certificate": battery.pk, "due_on": "2022-09-15"}
    url = f"{API}obligations/tick"
    assert viewer_api.post(url, tick).status_code == 403
    assert stranger_api.post(url, tick).status_code == 404
    wrong = owner_api.post(url, tick | {"due_on": "2022-09-14"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "due_on")
    clock.noon(date(2022, 9, 1))
    assert owner_api.post(url, tick).json()["state"] == "done"
    done = owner_api.get(f"{API}obligations?state=done").json()["results"]
    assert [row["due_on"] for row in done] == ["2022-09-15"]
    assert owner_api.post(url, tick | {"done": False}).json()["state"] == "due"
    assert owner_api.get(f"{API}obligations?state=soon").status_code == 400
    assert stranger_api.get(f"{API}obligations").json()["results"] == []


def test_the_feed_over_the_api(
    battery: Certificate, owner_api: Any, colleague_api: Any, client: Client
) -> None:
    url = f"{API}calendar-feed"
    assert colleague_api.post(url).status_code == 403
    made = owner_api.post(url)
    assert made.status_code == 201
    path = made.json()["url"].removeprefix(settings.BASE_URL)
    assert client.get(path).status_code == 200
    assert colleague_api.get(url).json()["active"]
    assert owner_api.delete(url).status_code == 204
    assert not owner_api.get(url).json()["active"]
    assert client.get(path).status_code == 404
