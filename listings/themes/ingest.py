"""The ingest kind `themes` (09-contract): what the marketplace asks sellers for (K-15, LST-3)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from listings.choices import KeywordMode, ProductKind
from listings.services.themes import themes_write
from portal.ingest.columns import Choice, Code, Country, Day, Int, Json, Money, Text, TextList
from portal.ingest.kinds import IngestKind, Outcome, Row, register

_GAIN: dict[str, Any] = {"least": -100, "most": 1_000_000, "optional": True, "default": None}


@register
class ThemeKind(IngestKind):
    """Themes by their id; a missing column leaves what is stored, an empty cell clears it.

    A category, attribute or value that the catalogue does not know is refused with the nearest name.
    """

    name = "themes"
    label = _("themes")
    key = ("theme_id",)
    columns = (
        Code("theme_id", example="121323"),
        Text("title_en", example="Southeast Asia: e-bike kits"),
        Text("title_zh", optional=True, example="东南亚-电动自行车套件"),
        Code("category", example="e-bike-kits"),
        TextList("keywords", optional=True, max_items=50, item_length=120, example="kit|套件"),
        Choice(
            "keyword_mode",
            choices=KeywordMode.values,
            optional=True,
            default=KeywordMode.ANY,
            example="any",
        ),
        Choice("kind", choices=ProductKind.values, optional=True, example="rts"),
        Json("attributes", optional=True, example='{"voltage": ["36V", "48V"]}'),
        TextList("countries", item=Country("country"), optional=True, example="ID|MY"),
        TextList("services", optional=True, max_items=63, item_length=60, example="sample"),
        Money("price_min", optional=True, max_digits=12, example="1200"),
        Money("price_max", optional=True, max_digits=12, example="2500"),
        Day("starts_on", example="2022-07-01"),
        Day("ends_on", optional=True, example="2022-12-31"),
        Int("traffic_gain", **_GAIN, example="900"),
        Int("conversion_gain", **_GAIN, example="120"),
        Int("trade_gain", **_GAIN, example="554"),
    )

    def apply(self, rows: list[Row]) -> Outcome:
        """Write a chunk through the theme service."""
        outcome = Outcome()
        written = themes_write(rows=[row.values for row in rows], actor=self.actor)
        for row, result in zip(rows, written, strict=True):
            if result.state == "rejected":
                outcome.rejections += [row.reject(name, text) for name, text in result.errors]
            elif result.state == "created":
                outcome.created += 1
            elif result.state == "updated":
                outcome.updated += 1
            else:
                outcome.unchanged += 1
        return outcome
