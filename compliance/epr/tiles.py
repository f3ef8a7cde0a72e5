"""Tiles of the home page: EPR days to the deadline and products affected (UI-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.epr.shop_overview import ShopOverview, shop_facts
from portal.addresses import reverse
from portal.bilingual import labelled
from portal.country_names import country_name
from portal.home_tiles import HomeTile, register_home_tiles
from portal.models import Member, Seller
from portal.templatetags.portal_ui import list_text, number_text, time_left


@register_home_tiles
def epr_tile(seller: Seller, member: Member, day: date) -> Iterator[HomeTile]:
    """Show the days to the interruption while there are any, then what is blocked (EPR-11)."""
    facts = shop_facts(seller)
    overview = facts.at(facts.coverage.at)
    end = overview.interrupts_at
    if not overview.live or end is None:
        return
    ahead = end > overview.at
    yield HomeTile(
        # Translators: EPR；距打断交易
        label=_("EPR: time to the deadline") if ahead else _("EPR: blocked products"),
        value=time_left((end - overview.at).total_seconds())
        if ahead
        else number_text(overview.blocked),
        url=reverse("compliance:overview"),
        hint=_hint(overview),
        icon="recycle",
        order=10,
    )


def _hint(overview: ShopOverview) -> str:
    lacking = [one for one in overview.countries if one.lacking]
    if not lacking:
        return _("every live product has its numbers")
    text = ngettext(
        "%(n)s product lacks a number", "%(n)s products lack a number", overview.affected
    )
    by_country = list_text(
        f"{country_name(one.country)} {number_text(one.lacking)}" for one in lacking
    )
    return labelled(text % {"n": number_text(overview.affected)}, by_country)
