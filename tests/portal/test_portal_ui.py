"""The template vocabulary, the plots and the order of next actions (UI-2 … UI-4)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from portal import platform_time
from portal.charts import Bar, Point, Series, bar_plot, line_plot, nice_ceiling, sparkline
from portal.next_actions import NextAction, by_band, rank
from portal.templatetags import portal_ui

NOON = "2022-08-03T12:00:00-07:00"
NOW = platform_time.parse_instant(NOON)


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_NOW", NOON)


def render(text: str, **context: object) -> str:
    return Template("{% load portal_ui %}" + text).render(Context(context))


# --- Words and numbers --------------------------------------------------------------------------


@pytest.mark.rule("UI-4", "K-1")
def test_an_instant_is_shown_in_pacific_and_china_time() -> None:
    end = platform_time.parse_instant("2022-12-15T23:30:00-08:00")
    shown = re.sub(r"<[^>]+>", "", render("{{ at|instant }}", at=end))
    assert shown == "Dec 15, 2022 23:30 Pacific Dec 16, 2022 15:30 China"
    assert "Dec 15, 2022" in render("{{ at|day }}", at=end)


@pytest.mark.rule("UI-6")
def test_numbers_and_days_follow_the_language() -> None:
    assert render("{{ n|money }}", n=Decimal("-1234.5")) == '<span class="num">−US$1,234.50</span>'
    assert ">12.5%<" in render("{{ n|percent }}", n=Decimal("0.125"))
    assert ">+900%<" in render("{{ n|gain }}", n=900)
    assert "gain-down" in render("{{ n|gain }}", n=-3)
    assert render("{{ n|number }}", n=1221) == "1,221"
    with translation.override("zh-hans"):
        assert ">2022年7月19日<" in render("{{ d|day }}", d=date(2022, 7, 19))
        assert render("{{ n|number }}", n=1221) == "1,221"


@pytest.mark.parametrize("filter_name", ["money", "percent", "gain", "number", "day", "instant"])
def test_nothing_is_a_dash(filter_name: str) -> None:
    assert "–" in render("{{ n|" + filter_name + " }}", n=None)


@pytest.mark.rule("K-2")
def test_as_of_names_the_end_of_the_day() -> None:
    shown = re.sub(r"<[^>]+>", "", render("{% as_of d %}", d=date(2022, 7, 19)))
    assert " ".join(shown.split()) == "Data as of Jul 19, 2022 24:00 (Pacific)"
    assert "First figures" in render("{% as_of d %}", d=None)


@pytest.mark.rule("UI-4")
@pytest.mark.parametrize(
    ("left", "tone", "text"),
    [
        (timedelta(0), "past", "ended"),
        (timedelta(seconds=59), "danger", "0 minutes left"),
        (timedelta(hours=23, minutes=59), "danger", "23 hours 59 minutes left"),
        (timedelta(days=1), "warn", "1 day left"),
        (timedelta(days=6, hours=23), "warn", "6 days 23 hours left"),
        (timedelta(days=7), "calm", "7 days left"),
    ],
)
def test_a_countdown_turns_with_the_time_left(left: timedelta, tone: str, text: str) -> None:
    shown = render("{% countdown due %}", due=NOW + left)
    assert f"countdown-{tone}" in shown
    assert text in shown
    assert "Pacific" in shown
    assert "China" in shown


@pytest.mark.rule("UI-4")
def test_a_countdown_to_a_day_ends_with_the_day() -> None:
    assert "12 hours left" in render("{% countdown due %}", due=date(2022, 8, 3))
    late = render('{% countdown due "overdue" %}', due=date(2022, 8, 2))
    assert "countdown-danger" in late
    assert "overdue" in late


def test_what_people_wrote_is_escaped() -> None:
    bad = "<script>alert(1)</script>"
    shown = render(
        '{% status_pill bad bad %}{% stat bad bad hint=bad %}{% empty "inbox" bad bad %}', bad=bad
    )
    assert "<script" not in shown


def test_links_keep_the_filters() -> None:
    request = RequestFactory().get("/", {"q": "é & b", "page": "3"})
    shown = Template("{% load portal_ui %}{% query_replace kind='rts' page=None %}").render(
        Context({"request": request})
    )
    assert shown == "?q=%C3%A9+%26+b&amp;kind=rts"


def test_an_unknown_icon_is_a_dot_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert portal_ui.icon_body("../../etc/passwd") is None
    assert "<svg" in portal_ui.icon("no-such-icon")
    assert "no icon named" in caplog.text


# --- Plots --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (-5, 1), (1, 1), (1.01, 2), (2.1, "2.5"), (99, 100), (100, 100), (136990, 200000)],
)
def test_axes_end_at_a_round_number(value: float, top: object) -> None:
    assert nice_ceiling(value) == Decimal(str(top))


@pytest.mark.rule("UI-3")
def test_a_line_plot_places_days_by_the_calendar_and_has_its_table() -> None:
    first = date(2022, 8, 1)
    points = [
        Point(first, 0),
        Point(first + timedelta(days=1), 5),
        Point(first + timedelta(days=4), 10),
    ]
    drawn = line_plot(points, title="Orders", value_label="Value")
    assert 'd="M0.0 40.0L25.0 20.0L100.0 0.0"' in drawn
    assert 'role="img" aria-label="Orders"' in drawn
    rows = re.findall(r'<th scope="row">([^<]*)</th><td class="col-num">([^<]*)</td>', drawn)
    assert rows == [("Aug 5, 2022", "10"), ("Aug 2, 2022", "5"), ("Aug 1, 2022", "0")]
    assert "style" not in drawn


@pytest.mark.rule("UI-3")
def test_a_second_series_shares_the_axes_and_the_table() -> None:
    first = date(2022, 8, 1)
    points = [Point(first + timedelta(days=1), 20), Point(first + timedelta(days=2), 40)]
    second = Series("Assessed", [Point(first, 80), Point(first + timedelta(days=2), 10)])
    drawn = line_plot(points, title="Score", value_label="Predicted", second=second)
    assert '<path class="plot-line" d="M50.0 30.0L100.0 20.0"/>' in drawn
    assert '<path class="plot-line plot-2" d="M0.0 0.0L100.0 35.0"/>' in drawn
    assert '<path class="plot-dot plot-2" d="M0.0 0.0h0M100.0 35.0h0"/>' in drawn
    cells = re.findall(r'<td class="col-num">([^<]*)</td>', drawn)
    assert cells == ["40", "10", "20", "–", "–", "80"]
    assert re.findall(r'plot-key-\d">([^<]*)<', drawn) == ["Predicted", "Assessed"]


@pytest.mark.rule("UI-3")
def test_few_points_are_no_trend() -> None:
    one = [Point(date(2022, 8, 1), 3)]
    assert sparkline(one) == ""
    assert line_plot([], title="t", value_label="v") == ""
    assert "M50.0 " in line_plot(one, title="t", value_label="v")


@pytest.mark.rule("UI-3")
def test_bars_are_a_table_and_stay_in_their_track() -> None:
    bars = [Bar("Reply rate", 50, peer=25), Bar("Login days", 400)]
    drawn = bar_plot(bars, title="Factors", value_label="You", peer_label="Peers", top=100)
    assert re.findall(r'class="plot-bar" width="([\d.]+)"', drawn) == ["50.0", "100.0"]
    assert 'class="plot-bar plot-2" y="7" width="25.0"' in drawn
    assert '<th scope="row">Reply rate</th>' in drawn


# --- What to do next ----------------------------------------------------------------------------


def action(title: str, **fields: object) -> NextAction:
    defaults: dict[str, object] = {"gain": "more", "url": "/"}
    return NextAction(title=title, **{**defaults, **fields})  # type: ignore[arg-type]


@pytest.mark.rule("UI-2")
def test_actions_are_ranked_by_time_left_then_loss_then_weight() -> None:
    actions = [
        action("some day, light", weight=10),
        action("some day, heavy", weight=79),
        action("some day, essential", weight=80),
        action("this month", due=NOW + timedelta(days=30)),
        action("later than a month", due=NOW + timedelta(days=30, seconds=1), weight=100),
        action("this week", due=NOW + timedelta(days=7)),
        action("this week, an offer", due=NOW + timedelta(days=2), weight=49),
        action("this week, light loss", due=NOW + timedelta(days=2), loses="a bit", weight=49),
        action("this month, essential loss", due=NOW + timedelta(days=30), loses="it", weight=80),
        action("this month, loss", due=NOW + timedelta(days=30), loses="it", weight=79),
        action("any day, essential loss", loses="the shop", weight=80),
        action("today, gain", due=NOW + timedelta(days=1), weight=100),
        action("today, loss", due=NOW + timedelta(days=1), loses="rights", weight=1),
        action("too late, loss", due=NOW - timedelta(days=9), loses="trust", weight=1),
    ]
    assert [each.title for each in rank(actions, NOW)] == [
        "any day, essential loss",
        "too late, loss",
        "today, loss",
        "today, gain",
        "this month, essential loss",
        "this week, light loss",
        "some day, essential",
        "this week",
        "this month, loss",
        "this month",
        "this week, an offer",
        "later than a month",
        "some day, heavy",
        "some day, light",
    ]


@pytest.mark.rule("UI-6")
@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "Sold to: Germany, &lt;b&gt;"), ("zh-hans", "Sold to：Germany、&lt;b&gt;")],
)
def test_names_and_lists_have_the_punctuation_of_the_language(language: str, text: str) -> None:
    written = Template("{% load portal_ui %}{{ 'Sold to'|labelled:names }}")
    with translation.override(language):
        names = portal_ui.list_text(["Germany", "<b>"])
        assert written.render(Context({"names": names})) == text


@pytest.mark.rule("UI-2")
def test_the_bands_have_names_and_empty_ones_are_left_out() -> None:
    actions = [
        action("today", due=NOW),
        action("this month", due=NOW + timedelta(days=30)),
        action("some day"),
    ]
    found = by_band(rank(actions, NOW), NOW)
    assert [(str(name), [each.title for each in group]) for name, group in found] == [
        ("Now", ["today"]),
        ("This month", ["this month"]),
        ("When there is time", ["some day"]),
    ]


@pytest.mark.rule("UI-2")
def test_an_action_says_what_is_at_stake() -> None:
    with pytest.raises(ValueError, match="gains or what leaving it loses"):
        NextAction(title="Do it", url="/")
