"""The stage card of the home page (UI-2, GRO-1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.urls import reverse
from django.utils.translation import gettext as _

from growth.guide.reading import guide_reading
from growth.guide.texts import tile_hint
from portal.home_tiles import HomeTile, register_home_tiles
from portal.models import Member, Seller


@register_home_tiles
def stage_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show the stage and how far it is; nothing before the first night (GRO-1)."""
    reading = guide_reading(seller)
    if reading.stage is None:
        return
    yield HomeTile(
        # Translators: 成长指引
        label=_("Growth guide"),
        value=str(reading.stage.label),
        url=reverse("growth:guide"),
        hint=tile_hint(reading),
        icon="signpost-split",
    )
