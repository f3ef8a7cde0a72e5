"""Windows, terms, cooling down and steps of programmes, as pure rules (GRO-17, GRO-18)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from pydantic import ValidationError

from growth.choices import EnrolmentState
from growth.models import Programme
from growth.programmes.cities import city_of
from growth.programmes.industry_groups import group_of
from growth.programmes.reading import criterion_reading
from growth.programmes.rules import (
    EnrolmentStanding,
    WindowState,
    cooling_until,
    first_refusal,
    leaving_from,
    next_step,
    renewal_from,
    step_due_at,
    until_of,
    window_on,
)
from growth.programmes.schema import (
    Criterion,
    EnrolmentWindow,
    ExitRule,
    ProgrammeContent,
    RenewalRule,
    Step,
    Term,
    programme_errors,
)
from growth.services.enrolment_moves import merged
from growth.services.programmes import (
    digest_of,
    programmes_load_shipped,
    shipped_programmes,
)
from portal import platform_time
from portal.audience import ConditionReading

pytestmark = pytest.mark.rule("GRO-17")

MONTHLY = [EnrolmentWindow(opens_on=date(2022, 7, 1), closes_on=date(2022, 10, 31), days=(7, 23))]
OPEN, NOT_OPEN, ENDED = WindowState.OPEN, WindowState.NOT_OPEN, WindowState.ENDED


@pytest.mark.parametrize(
    ("day", "state", "first", "last"),
    [
        (date(2022, 6, 15), NOT_OPEN, date(2022, 7, 7), date(2022, 7, 23)),
        (date(2022, 8, 6), NOT_OPEN, date(2022, 8, 7), date(2022, 8, 23)),
        (date(2022, 8, 7), OPEN, date(2022, 8, 7), date(2022, 8, 23)),
        (date(2022, 8, 23), OPEN, date(2022, 8, 7), date(2022, 8, 23)),
        (date(2022, 8, 24), NOT_OPEN, date(2022, 9, 7), date(2022, 9, 23)),
        (date(2022, 10, 23), OPEN, date(2022, 10, 7), date(2022, 10, 23)),
        (date(2022, 10, 24), ENDED, None, None),
    ],
)
def test_monthly_windows_open_from_the_7th_to_the_23rd(
    day: date, state: WindowState, first: date | None, last: date | None
) -> None:
    read = window_on(MONTHLY, day)
    assert read.state == state
    span = read.span
    assert (span.first if span else None, span.last if span else None) == (first, last)
    assert (span.round if span else None) == first


def test_a_monthly_window_is_cut_by_the_days_of_its_rule() -> None:
    cut = [EnrolmentWindow(opens_on=date(2022, 8, 10), closes_on=date(2022, 8, 12), days=(7, 23))]
    assert window_on(cut, date(2022, 8, 9)).state == NOT_OPEN
    assert window_on(cut, date(2022, 8, 10)).span.first == date(2022, 8, 10)  # type: ignore[union-attr]
    assert window_on(cut, date(2022, 8, 12)).state == OPEN
    assert window_on(cut, date(2022, 8, 13)).state == ENDED


def test_days_a_month_does_not_have_are_its_last() -> None:
    late = [EnrolmentWindow(days=(30, 31))]
    assert window_on(late, date(2023, 2, 28)).state == OPEN
    assert window_on(late, date(2023, 2, 27)).state == NOT_OPEN


def test_without_windows_it_is_always_open() -> None:
    assert window_on([], date(2022, 8, 1)).state == OPEN
    since = [EnrolmentWindow(opens_on=date(2021, 8, 10))]
    assert window_on(since, date(2021, 8, 9)).state == NOT_OPEN
    assert window_on(since, date(2030, 1, 1)).state == OPEN


def test_no_window_is_open_past_the_last_day_of_what_it_leads_to() -> None:
    until = date(2022, 8, 15)
    for windows in ([], MONTHLY):
        open_now, over = (
            window_on(windows, until + timedelta(days=days), until=until) for days in (0, 1)
        )
        assert open_now.state == OPEN
        assert open_now.span.last == until  # type: ignore[union-attr]
        assert over.state == ENDED
    assert window_on(MONTHLY, date(2022, 7, 24), until=date(2022, 8, 6)).state == ENDED
    assert window_on(MONTHLY, date(2022, 7, 24), until=date(2022, 8, 7)).state == NOT_OPEN


@pytest.mark.rule("GRO-18")
def test_a_term_ends_on_its_day_after_its_months_or_at_once() -> None:
    day = date(2020, 11, 23)
    assert until_of(Term(months=12), day) == date(2021, 11, 23)
    assert until_of(Term(months=12), date(2020, 2, 29)) == date(2021, 2, 28)
    assert until_of(Term(same_day=True), day) == day
    assert until_of(Term(until=date(2021, 9, 30)), day) == date(2021, 9, 30)
    assert until_of(Term(), day) is None
    with pytest.raises(ValidationError):
        Term(months=3, same_day=True)


def test_leaving_begins_on_its_day_and_the_way_back_after_the_last() -> None:
    rule = ExitRule(from_day=30, cool_down_days=30)
    assert leaving_from(rule, date(2022, 8, 10)) == date(2022, 9, 9)
    assert cooling_until(rule, date(2022, 9, 9)) == date(2022, 10, 9)
    assert cooling_until(ExitRule(), date(2022, 9, 9)) is None


STEPS = [
    Step(key="in", title={"en": "In"}, who="shop"),
    Step(key="shot", title={"en": "Shot"}, who="staff", by=date(2021, 9, 30), ends=True),
    Step(key="set", title={"en": "Set"}, who="shop", working_days=3),
    Step(key="live", title={"en": "Live"}, who="staff", days=14),
]


@pytest.mark.rule("GRO-18")
def test_steps_follow_each_other_and_have_deadlines() -> None:
    assert [next_step(STEPS, one.key) for one in STEPS] == [*STEPS[1:], None]
    assert next_step(STEPS, "unknown") is None
    at = platform_time.parse_instant("2022-07-28T20:00:00+08:00")  # Thursday, after work
    shot, three_days, two_weeks = (step_due_at(one, at) for one in STEPS[1:])
    assert shot == platform_time.end_of(date(2021, 9, 30))
    assert three_days == platform_time.parse_instant("2022-08-02T18:00:00+08:00")
    assert two_weeks == platform_time.end_of(date(2022, 8, 11))


@pytest.mark.rule("GRO-18")
def test_renewing_opens_three_months_before_the_end() -> None:
    rule = RenewalRule(months_before=3, months=12, answer_working_days=5)
    assert renewal_from(rule, date(2021, 11, 23)) == date(2021, 8, 23)
    assert renewal_from(rule, date(2022, 5, 31)) == date(2022, 2, 28)


def standing(**over: object) -> EnrolmentStanding:
    fields = {"state": None, "cooling": False, "eligible": True, "window": OPEN} | over
    return EnrolmentStanding(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({}, ""),
        ({"state": EnrolmentState.ACTIVE, "eligible": False}, "already_enrolled"),
        ({"had_by_owner": True}, "already_enrolled"),
        ({"cooling": True, "eligible": False}, "cooling_down"),
        ({"eligible": False, "window": ENDED}, "not_eligible"),
        ({"window": NOT_OPEN, "places_left": 0}, "window_closed"),
        ({"places_left": 0}, "full"),
        ({"places_left": 1}, ""),
    ],
)
def test_the_first_thing_in_the_way_is_said(over: dict[str, object], code: str) -> None:
    assert first_refusal(standing(**over)) == code


def test_spans_of_a_flag_are_joined_and_empty_ones_dropped() -> None:
    d = [date(2022, 8, day) for day in range(1, 20)]
    assert merged([(d[4], None), (d[0], d[3])]) == [(d[0], None)]
    assert merged([(d[0], d[1]), (d[5], d[4]), (d[8], d[9])]) == [(d[0], d[1]), (d[8], d[9])]
    assert merged([(d[0], None), (d[5], d[6])]) == [(d[0], None)]


# --- Criteria -----------------------------------------------------------------------------------


def reading(met: bool, value: str = "–") -> ConditionReading:
    return ConditionReading("condition", value, met)


TWO = [{"metric": "ext.a", "op": "gte", "value": 1}, {"metric": "ext.b", "op": "gte", "value": 1}]


@pytest.mark.parametrize(
    ("need", "judged", "said", "met"),
    [
        ("all", False, [reading(True, "1"), reading(False)], False),
        ("all", True, [reading(True, "1"), reading(False)], None),
        ("all", True, [reading(False, "0"), reading(False)], False),
        ("any", False, [reading(True, "1"), reading(False)], True),
        ("any", True, [reading(False, "0"), reading(False)], None),
        ("any", True, [reading(False, "0"), reading(False, "0")], False),
    ],
)
def test_what_upstream_has_not_told_is_for_staff_where_they_judge(
    need: str, judged: bool, said: list[ConditionReading], met: bool | None
) -> None:
    criterion = Criterion.model_validate(
        {"text": {"en": "Text"}, "need": need, "judged": judged, "conditions": TWO}
    )
    assert criterion_reading(criterion, said).met is met


def test_a_no_among_several_answers_is_not_said() -> None:
    team = Criterion.model_validate(
        {"text": {"en": "Ten, or high-tech"}, "need": "any", "conditions": TWO}
    )
    said = criterion_reading(team, [reading(False, "9"), reading(False, "0")])
    assert (said.value, said.said) == ("9", "Ten, or high-tech (yours: 9)")


@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("Guangzhou", "guangzhou"),
        ("GUANGZHOU", "guangzhou"),
        ("Guangzhou City, Guangdong", "guangzhou"),
        ("Guang zhou", "guangzhou"),
        ("广州市天河区", "guangzhou"),
        ("廣州", "guangzhou"),
        ("Canton", "guangzhou"),
        ("Ｓｈｅｎｚｈｅｎ", "shenzhen"),
        ("Shen-Zhen", "shenzhen"),
        (" 深圳 ", "shenzhen"),
        ("Foshan, Guangdong", ""),
        ("Hangzhou", ""),
        ("广东佛山", ""),
        ("", ""),
    ],
)
def test_a_city_is_known_however_it_is_spelled(said: str, key: str) -> None:
    assert city_of(said) == key


def test_an_unmet_number_says_what_is_there_and_what_is_needed() -> None:
    star = Criterion.model_validate({"field": "assessed_star", "op": "gte", "value": 1})
    said = criterion_reading(star, [ConditionReading("Assessed star: at least 1", "0", False)])
    assert (said.said, said.value, said.met) == ("Assessed star 0, needs 1", "0", False)


@pytest.mark.rule("GRO-18")
def test_industries_are_told_by_code_or_name_in_either_language() -> None:
    assert group_of("machinery", "Industrial Machinery", "工业机械") == "machinery"
    assert group_of("c-17", "", "电工电气") == "electrical"
    assert group_of("c-9", "Packaging & Printing", "") == "packaging"
    assert group_of("apparel", "Apparel", "服装") == "other"


# --- What is shipped ----------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.rule("GRO-18")
def test_shipped_programmes_are_valid_and_in_both_languages() -> None:
    shipped = list(shipped_programmes())
    assert {each.code for each in shipped} >= {
        "million_dollar_club", "oa_credit", "first_order_discount", "check_in_coupons", "buyer_carnival",
        "find_factory", "brand_station", "quality_traders", "machinery_remote_warranty",
        "machinery_local_service", "vr_showroom", "september_2021", "december_2022",
        "december_2022_best_value", "top_display_s2", "site_builder", "live_hiring_2022",
        "campus_fairs_2022", "guarantee_upgrade",
    }  # fmt: skip
    assert len({each.code for each in shipped}) == len(shipped)
    for each in shipped:
        assert each.title_zh, each.code
        assert programme_errors(each.content) == [], each.code
        assert not list(_english_only(each.content)), each.code


def _english_only(value: object) -> list[object]:
    """Return the texts that lack a language."""
    if isinstance(value, dict):
        if "en" in value:
            return [] if value.get("zh") else [value]
        return [text for one in value.values() for text in _english_only(one)]
    if isinstance(value, list):
        return [text for one in value for text in _english_only(one)]
    return []


@pytest.mark.django_db
@pytest.mark.rule("GRO-18")
def test_the_buyers_each_activity_reaches() -> None:
    tiers = {
        code: ProgrammeContent.model_validate(Programme.objects.get(code=code).content).tiers
        for code in ("million_dollar_club", "oa_credit", "first_order_discount", "buyer_carnival")
    }
    assert tiers == {
        "million_dollar_club": ["L4"],
        "oa_credit": ["L3", "L4"],
        "first_order_discount": ["L1", "L2", "L3", "L4"],
        "buyer_carnival": ["L0", "L1", "L2", "L3", "L4"],
    }


@pytest.mark.django_db
@pytest.mark.rule("GRO-18")
def test_loading_again_changes_nothing_and_leaves_alone_what_staff_changed() -> None:
    assert programmes_load_shipped() == 0
    changed = Programme.objects.get(code="oa_credit")
    changed.title_en = "Ours"
    changed.save()
    newer = Programme.objects.get(code="find_factory")
    newer.content = newer.content | {"places": 7}
    newer.shipped_digest = digest_of(newer)  # as an earlier version shipped it
    newer.published = False
    newer.save()
    Programme.objects.get(code="site_builder").delete()
    assert programmes_load_shipped() == 2
    changed.refresh_from_db()
    newer.refresh_from_db()
    assert changed.title_en == "Ours"
    assert "places" not in newer.content
    assert not newer.published
    assert Programme.objects.filter(code="site_builder").exists()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({}, "summary"),
        ({"summary": {"en": "x"}, "colour": 1}, "colour"),
        ({"summary": {"en": "x"}, "windows": [{"days": [23, 7]}]}, "windows.0"),
        ({"summary": {"en": "x"}, "audience": [{"field": "stars", "op": "gte", "value": 1}]}, "stars"),
        ({"summary": {"en": "x"}, "renewal": {"months_before": 3, "months": 1, "answer_working_days": 5}}, "content"),
        ({"summary": {"en": "x"}, "flag": "f", "routes": [{"automatic": True}]}, "content"),
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_mistakes_in_a_content_are_said_with_their_place(content: object, place: str) -> None:
    errors = programme_errors(content)
    assert errors
    assert place in " ".join(errors)


def test_the_last_instant_of_the_23rd_is_inside_also_over_the_clock_change() -> None:
    november = [EnrolmentWindow(days=(1, 6))]  # the clocks change on 2022-11-06
    closes = window_on(november, date(2022, 11, 6)).span.closes_at  # type: ignore[union-attr]
    assert closes == datetime(2022, 11, 7, 8, tzinfo=platform_time.UTC)
    assert platform_time.day_of(closes - timedelta(microseconds=1)) == date(2022, 11, 6)


@pytest.mark.django_db
@pytest.mark.rule("GRO-18")
@pytest.mark.parametrize(
    "code", ["million_dollar_club", "oa_credit", "first_order_discount", "check_in_coupons"]
)
def test_monthly_activities_are_open_from_the_7th_to_the_23rd_from_july_2022(code: str) -> None:
    windows = ProgrammeContent.model_validate(Programme.objects.get(code=code).content).windows
    july = [day for day in range(1, 32) if window_on(windows, date(2022, 7, day)).state == "open"]
    assert july == list(range(7, 24))
    assert window_on(windows, date(2022, 6, 20)).state == "not_open"
