"""What a shop has to declare, ticks, and what a night reminds of (EPR-9)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry

from compliance.choices import CertificateStatus, ObligationState
from compliance.models import Certificate, Declaration
from compliance.obligations.lead_times import lead_times_of
from compliance.obligations.reading import Calendar, calendar_of
from compliance.services.obligations import declaration_tick
from portal import platform_time
from portal.errors import InvalidInput, NotAllowed
from portal.models import Member, Notice, Seller
from portal.nightly import ledger
from portal.nightly.engine import run_inline
from portal.platform_time import end_of, start_of
from portal.scoping import seller_scope, unscoped
from tests.compliance.world import certificate_create, product_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-9")]

SEPTEMBER, OCTOBER = date(2022, 9, 15), date(2022, 10, 15)


def battery(shop: Seller, **over: Any) -> Certificate:
    """Make a German battery registration that counts since 3 August: twelve declarations a year."""
    fields = {"category": "battery", "number": "DE12345678", "valid_from": noon(date(2022, 8, 3))}
    return certificate_create(seller=shop, **fields | over)


def noon(day: date) -> datetime:
    return start_of(day) + timedelta(hours=12)


def calendar(shop: Seller) -> Calendar:
    with seller_scope(shop):
        return calendar_of(platform_time.now())


def days(obligations: list[Any]) -> list[date]:
    return [one.due.due_on for one in obligations]


# --- What is owed -------------------------------------------------------------------------------


def test_the_first_period_is_the_one_the_registration_began_in(shop: Seller, clock: Any) -> None:
    battery(shop)
    found = calendar(shop)
    assert not found.overdue
    assert days(found.due)[:2] == [SEPTEMBER, OCTOBER]
    assert found.due[0].period == "August 2022"
    # On 14 September it is due next, on the 15th still, on the 16th overdue.
    for day, state in ((15, ObligationState.DUE), (16, ObligationState.OVERDUE)):
        clock.noon(date(2022, 9, day))
        assert calendar(shop).obligations[0].state == state


@pytest.mark.parametrize(
    ("since", "first"),
    [
        # The first of a month declares that month, the last day of it too; the day before, one more.
        (date(2022, 8, 1), SEPTEMBER),
        (date(2022, 8, 31), SEPTEMBER),
        (date(2022, 9, 1), OCTOBER),
    ],
)
def test_a_period_is_owed_from_its_last_day_back(
    shop: Seller, clock: Any, since: date, first: date
) -> None:
    clock.noon(date(2022, 9, 2))
    battery(shop, valid_from=start_of(since))
    assert days(calendar(shop).due)[0] == first
    with unscoped():
        Certificate.objects.update(valid_from=end_of(since) - timedelta(microseconds=1))
    assert days(calendar(shop).due)[0] == first


def test_nothing_is_owed_after_the_last_day_or_once_it_has_ended(shop: Seller, clock: Any) -> None:
    certificate = battery(shop, expires_on=SEPTEMBER, valid_until=end_of(SEPTEMBER))
    assert days(calendar(shop).due) == [SEPTEMBER]
    with unscoped():
        Certificate.objects.filter(pk=certificate.pk).update(valid_until=start_of(SEPTEMBER))
    assert not calendar(shop).obligations
    # Overdue, then revoked: gone from that instant.
    with unscoped():
        Certificate.objects.filter(pk=certificate.pk).update(valid_until=noon(date(2022, 9, 20)))
    clock.noon(date(2022, 9, 19))
    assert days(calendar(shop).overdue) == [SEPTEMBER]
    clock.noon(date(2022, 9, 20))
    assert not calendar(shop).obligations


@pytest.mark.parametrize(
    "over",
    [
        {"own": False},
        {"type": "trademark", "country": "", "category": ""},
        {"status": CertificateStatus.SUBMITTED, "valid_from": None},
    ],
)
def test_only_own_verified_registrations_oblige(
    shop: Seller, other_shop: Seller, clock: Any, over: dict[str, Any]
) -> None:
    battery(shop, **over)
    battery(other_shop)
    assert not calendar(shop).obligations


def test_a_renewal_keeps_ticks_and_loses_no_period(shop: Seller, owner: Member, clock: Any) -> None:
    old = battery(shop)
    clock.noon(date(2022, 9, 2))
    declaration_tick(member=owner, certificate=old, due_on=SEPTEMBER)
    renewed_at = noon(date(2022, 10, 1))
    with unscoped():
        Certificate.objects.filter(pk=old.pk).update(
            status=CertificateStatus.REPLACED, valid_until=renewed_at
        )
    clock.noon(date(2022, 10, 2))
    new = battery(shop, valid_from=renewed_at)
    found = calendar(shop)
    # September, declared by 15 October, ended before the new certificate began.
    assert (days(found.done), days(found.due)[0]) == ([SEPTEMBER], OCTOBER)
    assert {one.certificate.pk for one in found.obligations} == {new.pk}
    declaration_tick(member=owner, certificate=new, due_on=SEPTEMBER, done=False)
    with unscoped():
        assert not Declaration.objects.exists()


# --- Ticks --------------------------------------------------------------------------------------


def test_a_tick_is_set_once_and_taken_back(
    shop: Seller, owner: Member, colleague: Member, clock: Any
) -> None:
    certificate = battery(shop)
    clock.noon(date(2022, 9, 1))
    first = declaration_tick(member=colleague, certificate=certificate, due_on=SEPTEMBER)
    again = declaration_tick(member=owner, certificate=certificate, due_on=SEPTEMBER)
    assert first is not None
    assert first == again
    assert (first.declared_by, first.declared_at) == (colleague.user, platform_time.now())
    assert days(calendar(shop).done) == [SEPTEMBER]
    assert (
        declaration_tick(member=owner, certificate=certificate, due_on=SEPTEMBER, done=False)
        is None
    )
    assert not calendar(shop).done
    actions = LogEntry.objects.order_by("pk").values_list("additional_data__action", flat=True)
    assert list(actions)[-2:] == ["declaration.tick", "declaration.untick"]


def test_what_is_not_owed_cannot_be_ticked(
    shop: Seller, owner: Member, viewer: Member, stranger: Member, clock: Any
) -> None:
    certificate = battery(shop)
    for member, day, error in (
        (viewer, SEPTEMBER, NotAllowed),
        (stranger, SEPTEMBER, InvalidInput),
        (owner, date(2022, 9, 14), InvalidInput),
        (owner, date(2022, 8, 15), InvalidInput),
    ):
        with pytest.raises(error):
            declaration_tick(member=member, certificate=certificate, due_on=day)
    with unscoped():
        assert not Declaration.objects.exists()


def test_a_period_is_ticked_when_it_is_over_and_a_plan_before(
    shop: Seller, owner: Member, clock: Any
) -> None:
    monthly = battery(shop)
    yearly = certificate_create(seller=shop, valid_from=noon(date(2022, 8, 3)))
    clock(f"{date(2022, 8, 31)}T23:59:59-07:00")
    with pytest.raises(InvalidInput):
        declaration_tick(member=owner, certificate=monthly, due_on=SEPTEMBER)
    assert not calendar(shop).obligations[0].can_be_ticked
    planned = date(2022, 12, 31)
    assert declaration_tick(member=owner, certificate=yearly, due_on=planned)
    clock(f"{date(2022, 9, 1)}T00:00:00-07:00")
    assert calendar(shop).obligations[0].can_be_ticked
    assert declaration_tick(member=owner, certificate=monthly, due_on=SEPTEMBER)


# --- Lead times ---------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_missing_numbers_with_the_last_day_to_begin(
    shop: Seller, other_shop: Seller, categories: Any, clock: Any
) -> None:
    everywhere = {"epr_traits": ["packaging", "electrical"]}
    product_create(seller=shop, countries=("DE", "US"), **everywhere)
    product_create(seller=shop, countries=("US",), **everywhere)
    product_create(seller=shop, live=False, **everywhere)
    product_create(seller=shop, deleted=True, **everywhere)
    product_create(seller=other_shop, **everywhere)
    certificate_create(seller=shop, category="packaging")

    def lacking() -> list[tuple[str, str, str, int]]:
        now = platform_time.now()
        return [
            (one.requirement.country, one.requirement.category.value, str(one.register_before), one.products)
            for one in lead_times_of(shop, now)
        ]  # fmt: skip

    assert lacking() == [("DE", "electrical", "2022-10-04", 1)]
    product_create(seller=shop, **everywhere)
    assert lacking() == [
        ("DE", "electrical", "2022-10-04", 2),
        ("FR", "packaging", "2022-11-29", 1),
        ("FR", "electrical", "2022-11-29", 1),
    ]
    certificate_create(seller=shop, category="electrical", status=CertificateStatus.SUBMITTED)
    assert [row[0] for row in lacking()] == ["FR", "FR"]


# --- The night ----------------------------------------------------------------------------------


def night_of(day: date) -> None:
    """Run the reminders that belong to a Pacific day."""
    as_of = day - timedelta(days=platform_time.DELAY_DAYS)
    run = ledger.night_start(as_of=as_of, jobs=["compliance.reminders"])
    assert run_inline(run_id=run.pk).state == "complete"


def told(kind: str) -> list[str]:
    with unscoped():
        rows = Notice.objects.filter(kind=kind).order_by("pk")
        return [row.key.rpartition(":")[2] for row in rows]


@pytest.mark.both_databases
def test_a_declaration_is_told_in_stages_and_overdue_once(
    shop: Seller, owner: Member, clock: Any
) -> None:
    battery(shop)
    for left, expected in (
        (15, []),
        (14, ["14"]),
        (13, ["14"]),
        # The night seven days before is missed.
        (6, ["14", "7"]),
        (2, ["14", "7"]),
        (1, ["14", "7", "1"]),
        (0, ["14", "7", "1"]),
    ):
        clock.noon(SEPTEMBER - timedelta(days=left))
        night_of(platform_time.today())
        assert told("declaration_due") == expected, left
    assert told("declaration_overdue") == []
    for after in (1, 2):
        clock.noon(SEPTEMBER + timedelta(days=after))
        night_of(platform_time.today())
        assert told("declaration_overdue") == ["overdue"]
    with unscoped():
        notice = Notice.objects.filter(kind="declaration_overdue").get()
    assert notice.title == "Germany · Batteries: the declaration of August 2022 is overdue"
    assert (notice.user, notice.link) == (owner.user, "/compliance/calendar/")


@pytest.mark.both_databases
def test_a_night_reminds_of_what_the_calendar_shows(
    shop: Seller, other_shop: Seller, owner: Member, stranger: Member, clock: Any
) -> None:
    """Both ways of finding what is owed agree, also for renewals, ends and ticks."""
    clock.noon(date(2022, 9, 10))
    old = battery(shop, valid_until=noon(date(2022, 9, 1)), status=CertificateStatus.REPLACED)
    battery(shop, valid_from=noon(date(2022, 9, 1)))
    battery(shop, number="DE00000001", valid_from=noon(date(2022, 9, 1)))
    battery(shop, number="DE00000002", own=False)
    battery(shop, number="DE00000003", valid_until=start_of(SEPTEMBER))
    battery(shop, number="DE00000004", valid_until=end_of(SEPTEMBER))
    ticked = battery(shop, number="DE00000005")
    declaration_tick(member=owner, certificate=ticked, due_on=SEPTEMBER)
    battery(other_shop)
    night_of(platform_time.today())
    with unscoped():
        rows = set(Notice.objects.values_list("seller_id", "params__number"))
    shown = {
        (seller.pk, one.certificate.number)
        for seller in (shop, other_shop)
        for one in calendar(seller).due
        if one.due.due_on == SEPTEMBER
    }
    numbers = {"DE12345678", "DE00000004"}
    assert rows == shown == {(shop.pk, n) for n in numbers} | {(other_shop.pk, "DE12345678")}
    assert old.number in numbers


def test_nights_that_are_caught_up_say_only_what_is_so_now(
    shop: Seller, owner: Member, clock: Any
) -> None:
    battery(shop)
    clock.noon(SEPTEMBER - timedelta(days=1))
    for left in (14, 7, 1):
        night_of(SEPTEMBER - timedelta(days=left))
    assert told("declaration_due") == ["1"]
    with unscoped():
        assert Notice.objects.get().params["days"] == 1


def test_a_restricted_shop_is_reminded_and_a_closed_one_is_not(
    shop: Seller, owner: Member, categories: Any, clock: Any
) -> None:
    """The gate blocks a restricted shop's products, and registers want its declarations."""
    battery(shop)
    product_create(seller=shop, countries=("DE",), epr_traits=["electrical"])
    clock.noon(SEPTEMBER)
    for status, kinds in (
        ("closed", []),
        ("restricted", ["declaration_due", "epr_register_by"]),
    ):
        Seller.objects.filter(pk=shop.pk).update(status=status)
        with seller_scope(shop):
            assert len(lead_times_of(shop, platform_time.now())) == bool(kinds)
        night_of(platform_time.today() - timedelta(days=bool(kinds)))
        with unscoped():
            assert sorted(Notice.objects.values_list("kind", flat=True)) == kinds


@pytest.mark.both_databases
def test_shops_without_a_number_are_warned_in_time(
    shop: Seller, other_shop: Seller, owner: Member, stranger: Member, categories: Any, clock: Any
) -> None:
    for seller in (shop, other_shop):
        product_create(seller=seller, countries=("DE",), epr_traits=["electrical"])
    certificate_create(seller=other_shop, category="electrical", status=CertificateStatus.SUBMITTED)
    by = date(2022, 10, 4)
    for left, expected in (
        (29, []),
        (28, ["28"]),
        (27, ["28"]),
        # The nights fourteen days before and of the day itself are missed.
        (13, ["28", "14"]),
        (-1, ["28", "14", "0"]),
        (-5, ["28", "14", "0"]),
    ):
        clock.noon(by - timedelta(days=left))
        night_of(platform_time.today())
        assert told("epr_register_by") == expected, left
    with unscoped():
        notice = Notice.objects.filter(kind="epr_register_by").first()
    assert notice is not None
    assert notice.user == owner.user
    assert notice.title == "Germany · Electrical and electronic equipment: register by Oct 4, 2022"
    assert "12 weeks" in notice.body


@pytest.mark.both_databases
def test_a_night_costs_the_same_statements_for_any_number_of_certificates(
    shop: Seller, owner: Member, clock: Any, django_assert_max_num_queries: Any
) -> None:
    def statements(left: int) -> int:
        clock.noon(SEPTEMBER - timedelta(days=left))
        with django_assert_max_num_queries(200) as counted:
            night_of(platform_time.today())
        return len(counted)

    battery(shop)
    statements(14)
    few = statements(7)
    for number in range(6):
        battery(shop, number=f"DE9000000{number}")
    assert statements(1) == few
