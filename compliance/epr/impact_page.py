"""What stops selling when, in the reader's words (EPR-12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from compliance.bilingual import registration_text
from compliance.choices import EprCategory
from compliance.epr.impact import Moment, Stop
from compliance.epr.overview_page import products_url
from portal.country_names import country_name
from portal.templatetags.portal_ui import list_text


@dataclass(frozen=True)
class StopView:
    """Products that stop selling to a country, with the numbers they lack."""

    country: str
    products: int
    lacking: list[tuple[str, int, str]]
    """Name of the EPR category, products, address of their list (none while they are covered)."""


@dataclass(frozen=True)
class Ending:
    """A certificate that ends."""

    pk: int
    name: str


@dataclass(frozen=True)
class MomentView:
    """An instant with its causes in words."""

    moment: Moment
    title: str
    endings: list[Ending]
    stops: list[StopView]


def stop_views(stops: Iterable[Stop], *, listed: bool = True) -> list[StopView]:
    """Return stops as the page shows them; `listed`: the lists of now show these products."""
    return [
        StopView(
            country_name(stop.country),
            stop.products,
            [
                (
                    str(EprCategory(code).label),
                    products,
                    products_url(stop.country, code) if listed else "",
                )
                for code, products in stop.lacking.most_common()
            ],
        )
        for stop in stops
    ]


def moment_views(moments: Iterable[Moment]) -> list[MomentView]:
    """Return instants as the page shows them."""
    return [
        MomentView(
            moment,
            _title(moment),
            [Ending(row.pk, registration_text(row.country, row.category)) for row in moment.ending],
            stop_views(moment.stops, listed=bool(moment.interrupted)),
        )
        for moment in moments
    ]


def _title(moment: Moment) -> str:
    if moment.interrupted:
        names = list_text(country_name(code) for code in moment.interrupted)
        # Translators: 打断交易
        return _("Trade without numbers is interrupted: %(countries)s") % {"countries": names}
    if len(moment.ending) == 1:
        return _("A certificate ends")
    return _("Certificates end")
