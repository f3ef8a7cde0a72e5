"""The star tile of the home page (UI-2, GRO-12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _

from growth.stars.page import lacking
from growth.stars.reading import star_reading
from growth.stars.texts import stars_text
from portal.addresses import reverse
from portal.bilingual import labelled
from portal.home_tiles import HomeTile, register_home_tiles
from portal.models import Member, Seller


@register_home_tiles
def star_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show the predicted star and what keeps it down; nothing before the first night."""
    reading = star_reading(seller)
    if reading.result is None:
        return
    gaps = [labelled(name, gap) for name, gap in lacking(reading.result)]
    yield HomeTile(
        # Translators: 预测星等级
        label=_("Predicted star"),
        value=stars_text(reading.result.star),
        url=reverse("growth:star"),
        hint=gaps[0] if gaps else _("every power is at its highest star"),
        icon="star",
        order=21,
    )
