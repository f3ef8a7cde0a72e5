"""The ingest kind `themes`: what is taken, what is refused, and with which hint (K-15, LST-3)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from listings.models import MatchTouch, Theme
from portal.ingest.engine import Report, ingest_file, ingest_rows
from portal.ingest.kinds import kind_named

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases, pytest.mark.rule("LST-3", "K-15")]

ROW: dict[str, Any] = {
    "theme_id": "121323",
    "title_en": "E-bike kits",
    "title_zh": "电动自行车套件",
    "category": "e-bike-kits",
    "keywords": "kit|套件",
    "keyword_mode": "any",
    "kind": "rts",
    "attributes": {"voltage": ["48v"]},
    "countries": "ID|my",
    "services": "Overseas-After-Sales|sample",
    "price_min": "1200",
    "price_max": "2500",
    "starts_on": "2022-07-01",
    "ends_on": "2022-12-31",
    "traffic_gain": "900",
}


@pytest.fixture(autouse=True)
def _catalogue(categories: Any, clock: Any) -> None: ...


def send(*rows: dict[str, Any]) -> Report:
    kind = kind_named("themes")
    assert kind is not None
    return ingest_rows(kind, list(rows))


def test_a_row_becomes_a_theme_in_the_catalogue_s_spelling() -> None:
    assert send(ROW).created == 1
    theme = Theme.objects.get(theme_id="121323")
    assert theme.attributes == {"voltage": ["48V"]}
    assert theme.countries == ["ID", "MY"]
    assert theme.services == ["overseas_after_sales", "sample"]
    assert theme.keywords == ["kit", "套件"]
    assert (theme.price_min, theme.price_max) == (Decimal("1200.00"), Decimal("2500.00"))
    assert (theme.starts_on, theme.ends_on) == (date(2022, 7, 1), date(2022, 12, 31))
    assert (theme.traffic_gain, theme.trade_gain) == (900, None)
    assert theme.is_national


def test_the_same_row_again_changes_nothing_and_queues_nothing() -> None:
    send(ROW)
    MatchTouch.objects.all().delete()
    assert send(ROW).unchanged == 1
    assert not MatchTouch.objects.exists()


def test_a_missing_column_stays_and_an_empty_cell_clears() -> None:
    send(ROW)
    report = send({
        "theme_id": "121323", "title_en": "Kits", "category": "e-bike-kits",
        "starts_on": "2022-07-01", "countries": "", "ends_on": "",
    })  # fmt: skip
    assert report.updated == 1, report.rejections
    theme = Theme.objects.get(theme_id="121323")
    assert theme.title_en == "Kits"
    assert theme.keywords == ["kit", "套件"]
    assert (theme.countries, theme.is_national, theme.ends_on) == ([], False, None)


@pytest.mark.parametrize(
    ("change", "field", "hint"),
    [
        ({"category": "e-bike-kit"}, "category", "e-bike-kits"),
        ({"attributes": {"voltag": ["48V"]}}, "attributes", "voltage"),
        ({"attributes": {"voltage": ["48 Volt"]}}, "attributes", "48V"),
        ({"attributes": {"voltage": []}}, "attributes", "voltage"),
        ({"category": "helmets"}, "attributes", "not offered"),
        ({"attributes": "[1]"}, "attributes", "JSON object"),
        ({"keyword_mode": "some"}, "keyword_mode", "any, all"),
        ({"kind": "rt"}, "kind", "rts"),
        ({"countries": "UX"}, "countries", "UX"),
        ({"price_max": "1199"}, "price_max", "below"),
        ({"ends_on": "2022-06-30"}, "ends_on", "before it starts"),
        ({"starts_on": "July"}, "starts_on", "2022-07-19"),
        ({"traffic_gain": "+9 fold"}, "traffic_gain", "not a number"),
        ({"theme_id": "a/b"}, "theme_id", "/"),
        ({"colour": "red"}, "", ""),
    ],
)
def test_what_the_catalogue_does_not_know_is_refused_with_the_nearest_name(
    change: dict[str, Any], field: str, hint: str
) -> None:
    report = send({**ROW, **change})
    assert not Theme.objects.exists()
    assert report.created == 0
    if field:
        assert report.rejections[0].field == field
        assert hint in report.rejections[0].message
    else:
        assert report.error or report.rejections


def test_a_bad_row_does_not_keep_the_good_ones_out() -> None:
    report = send(ROW, {**ROW, "theme_id": "2", "category": "x"}, {**ROW, "theme_id": "3"})
    assert (report.created, report.rejected) == (2, 1)
    assert set(Theme.objects.values_list("theme_id", flat=True)) == {"121323", "3"}


def test_a_csv_file_reads_like_the_contract_says(tmp_path: Path) -> None:
    path = tmp_path / "themes.csv"
    path.write_text(
        "\ufefftheme_id,title_en,category,attributes,countries,starts_on,traffic_gain\n"
        '121323,E-bike kits,e-bike-kits,"{""voltage"": [""48V"", ""52V""]}",ID|MY,2022/7/1,900\n',
        encoding="utf-8",
    )
    kind = kind_named("themes")
    assert kind is not None
    report = ingest_file(kind, path)
    assert report.summary() == "themes: created 1, updated 0, unchanged 0, rejected 0"
    assert Theme.objects.get().attributes == {"voltage": ["48V", "52V"]}
