"""Numbers that count and end soon, with what loses its only number then (EPR-12, UI-2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.bilingual import registration_text
from compliance.epr.coverage import Registration
from compliance.epr.impact import CertificateImpact, certificate_impact
from compliance.epr.overview_page import upload_url
from compliance.epr.shop_overview import ShopFacts
from portal import platform_time
from portal.country_names import country_name
from portal.templatetags.portal_ui import day_text, number_text

ENDS_WITHIN = timedelta(days=60)
"""A certificate that ends this soon is worth renewing: registers take weeks."""


@dataclass(frozen=True)
class EndingNumber:
    """A number that ends at `at`, with nothing to take its place."""

    registration: Registration
    impact: CertificateImpact
    at: datetime

    @property
    def title(self) -> str:
        """What to do about it."""
        row = self.registration
        return _("Renew the number: %(name)s") % {
            "name": registration_text(row.country, row.category)
        }

    @property
    def why(self) -> str:
        """What its end costs."""
        n = self.impact.depending
        text = ngettext(
            "%(n)s live product has no other number for %(country)s after %(day)s.",
            "%(n)s live products have no other number for %(country)s after %(day)s.",
            n,
        )
        # Its last day: the end is the first instant after it.
        last_day = platform_time.day_of(self.at - timedelta(microseconds=1))
        country = country_name(self.registration.country)
        return text % {"n": number_text(n), "country": country, "day": day_text(last_day)}

    @property
    def url(self) -> str:
        """The upload form, filled in as far as it goes."""
        return upload_url(self.registration.country, self.registration.category)


def ending_numbers(facts: ShopFacts, now: datetime) -> Iterator[EndingNumber]:
    """Yield the numbers that end within 60 days and that live products depend on; no statement."""
    for row in facts.coverage.registrations:
        if not row.counts_at(now) or row.valid_until is None:
            continue
        if row.valid_until > now + ENDS_WITHIN:
            continue
        impact = certificate_impact(facts, row, now)
        if impact.depending and not impact.successors:
            yield EndingNumber(row, impact, row.valid_until)
