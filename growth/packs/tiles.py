"""The tile of task packs on the home page (UI-2, GRO-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _

from growth.choices import PackState
from growth.packs.reading import running_packs
from portal.addresses import reverse
from portal.home_tiles import HomeTile, register_home_tiles
from portal.models import Member, Seller
from portal.templatetags.portal_ui import number_text


@register_home_tiles
def packs_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show the packs that run for the shop, and how many of them are complete; nothing without any."""
    running = running_packs(seller)
    if not running:
        return
    states = [reading.state for reading in running]
    unclaimed, complete = states.count(PackState.OPEN), states.count(PackState.COMPLETE)
    parts = [
        _("to be claimed: %(n)d") % {"n": unclaimed} if unclaimed else "",
        _("complete: %(n)d") % {"n": complete} if complete else "",
    ]
    yield HomeTile(
        # Translators: 任务包
        label=_("Task packs running"),
        value=number_text(len(running)),
        url=reverse("growth:packs"),
        hint=" · ".join(part for part in parts if part),
        icon="box2-heart",
        order=22,
    )
