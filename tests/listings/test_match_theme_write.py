"""Themes are checked against the catalogue before they are compiled (LST-3)."""

from __future__ import annotations

from datetime import date

import pytest
from auditlog.models import LogEntry

from listings.models import MatchTouch, Theme
from listings.services.themes import COMPILED, theme_save, themes_write
from portal.errors import InvalidInput
from portal.platform_time import end_of
from tests.listings.match_world import put_theme, theme_row

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.mark.rule("LST-3")
@pytest.mark.parametrize(
    ("asks", "field", "hint"),
    [
        ({"category": "e-bike-kit"}, "category", "Did you mean “e-bike-kits”?"),
        ({"attributes": {"voltages": ["36V"]}}, "attributes", "Did you mean “voltage”?"),
        ({"attributes": {"voltage": ["36"]}}, "attributes", "Did you mean “36V”?"),
        ({"attributes": {"voltage": []}}, "attributes", "at least one accepted value"),
        ({"attributes": {"power_w": ["a lot"]}}, "attributes", "is not a number"),
        (
            {"category": "helmets", "attributes": {"voltage": ["36V"]}},
            "attributes",
            "is not offered in category “helmets”",
        ),
        ({"countries": ["UK"]}, "countries", "Did you mean “GB”?"),
        ({"countries": ["Malaysia"]}, "countries", "Did you mean “MY”?"),
        ({"keywords": ["kit", "!?"]}, "keywords", "no letter and no digit"),
        ({"keyword_mode": "each"}, "keyword_mode", "any, all"),
        ({"kind": "rtz"}, "kind", "Did you mean “rts”?"),
        ({"price_min": "10", "price_max": "9.99"}, "price_max", "below the lowest"),
        ({"price_min": "-1"}, "price_min", "outside"),
        ({"price_min": "1.001"}, "price_min", "two decimals"),
        ({"ends_on": date(2019, 12, 31)}, "ends_on", "end before it starts"),
        ({"starts_on": None}, "starts_on", "needed"),
        ({"title_en": " "}, "title_en", "needed"),
    ],
)
def test_what_the_catalogue_does_not_know_is_refused_with_the_nearest(
    categories, asks, field, hint
):
    [outcome] = themes_write(rows=[theme_row(**asks)])
    assert outcome.state == "rejected"
    assert [name for name, _message in outcome.errors] == [field]
    assert hint in outcome.errors[0][1]
    assert not Theme.objects.exists()
    assert not MatchTouch.objects.exists()


@pytest.mark.rule("LST-3")
def test_values_take_the_catalogues_spelling_and_bounds_may_touch(categories):
    theme = put_theme(
        attributes={"voltage": [" 36v ", "48V"], "power_w": ["250.0"], "material": ["Steel"]},
        price_min="10",
        price_max="10.00",
        starts_on=date(2022, 7, 1),
        ends_on=date(2022, 7, 1),
        countries=["my", "MY"],
    )
    assert theme.attributes["voltage"] == ["36V", "48V"]
    assert (theme.cents_min, theme.cents_max) == (1000, 1000)
    assert (theme.countries, theme.is_national) == (["MY"], True)


@pytest.mark.rule("LST-3")
def test_an_attribute_may_be_offered_below_or_above(categories):
    for code in ("sports", "e-bike-kits"):
        put_theme(f"in-{code}", category=code, attributes={"voltage": ["36V"]})
    assert Theme.objects.count() == 2


@pytest.mark.rule("LST-3", "K-15")
def test_good_rows_are_written_and_bad_ones_named(categories):
    outcomes = themes_write(
        rows=[theme_row("a"), theme_row("b", category="nowhere"), theme_row("c"), theme_row("a")]
    )
    assert [outcome.state for outcome in outcomes] == ["created", "rejected", "created", "rejected"]
    assert set(Theme.objects.values_list("theme_id", flat=True)) == {"a", "c"}


@pytest.mark.rule("LST-3", "K-15")
def test_sending_the_same_again_changes_nothing(categories, clock):
    row = theme_row(attributes={"voltage": ["36V"]}, keywords=["kit"], price_min="5.00")
    themes_write(rows=[row])
    before = Theme.objects.values().get()
    audited, queued = LogEntry.objects.count(), MatchTouch.objects.count()
    clock.advance(hours=5)
    [outcome] = themes_write(rows=[row])
    assert outcome.state == "unchanged"
    assert Theme.objects.values().get() == before
    assert (LogEntry.objects.count(), MatchTouch.objects.count()) == (audited, queued)


@pytest.mark.rule("LST-3", "K-19")
def test_what_a_row_leaves_out_stays_and_only_new_asks_are_queued(categories, staff):
    theme = put_theme(keywords=["kit"], attributes={"voltage": ["36V"]})
    compiled = {name: getattr(theme, name) for name in COMPILED}
    MatchTouch.objects.all().delete()
    theme_save(actor=staff, data={"reason_en": "Buyers ask for it"}, theme=theme)
    theme.refresh_from_db()
    assert theme.keywords == ["kit"]
    assert {name: getattr(theme, name) for name in COMPILED} == compiled
    assert not MatchTouch.objects.exists()
    theme_save(actor=staff, data={"keywords": ["motor"]}, theme=theme)
    theme.refresh_from_db()
    assert theme.patterns == [" motor "]
    assert MatchTouch.objects.get().theme_id == theme.pk
    last = LogEntry.objects.order_by("pk").last()
    assert (last.actor, list(last.changes)) == (staff, ["keywords"])


@pytest.mark.rule("LST-3")
def test_a_new_theme_may_not_take_the_id_of_another(categories, staff):
    put_theme("t1", title_en="First")
    with pytest.raises(InvalidInput) as refused:
        theme_save(actor=staff, data=theme_row("t1", title_en="Second"))
    assert refused.value.fields[0][0] == "theme_id"
    assert Theme.objects.get().title_en == "First"


@pytest.mark.rule("LST-3")
def test_a_window_is_in_pacific_days(categories):
    theme = put_theme(starts_on=date(2022, 7, 1), ends_on=date(2022, 7, 31))
    in_force = [date(2022, 6, 30), date(2022, 7, 1), date(2022, 7, 31), date(2022, 8, 1)]
    found = [Theme.objects.in_force(day).filter(pk=theme.pk).exists() for day in in_force]
    assert found == [False, True, True, False]
    assert end_of(date(2022, 7, 31)).isoformat() == "2022-08-01T07:00:00+00:00"
