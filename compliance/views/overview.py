"""Pages of EPR: the matrix, its products, and what stops selling when (EPR-11, EPR-12)."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from compliance.choices import CertificateType
from compliance.ending_numbers import ending_numbers
from compliance.epr.cell_products import depending
from compliance.epr.impact import certificate_impact, shop_impact
from compliance.epr.impact_page import moment_views, stop_views
from compliance.epr.overview_history import cover_history, newest_day
from compliance.epr.overview_page import (
    STEPS_SHOWN,
    certificate_url,
    matrix,
    products_url,
    steps,
    upload_url,
)
from compliance.epr.product_list import ProductList
from compliance.epr.shop_overview import ShopFacts, shop_facts
from compliance.models import Certificate
from portal import platform_time
from portal.charts import Series, line_plot
from portal.choices import Action
from portal.country_names import country_name
from portal.http import MemberRequest
from portal.models import Seller
from portal.views.base import SellerPage
from portal.views.lists import Counted, page_of

PAGE_SIZE = 50


class OverviewPage(SellerPage):
    """Where the shop stands with EPR numbers, live; what to do first."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show it; the number of queries does not depend on the shop's size."""
        facts = shop_facts(request.seller)
        overview = facts.at(facts.coverage.at)
        todo = steps(overview)
        return render(
            request,
            "compliance/overview.html",
            {
                "overview": overview,
                "matrix": matrix(overview),
                "columns": [country_name(one.country) for one in overview.countries],
                "countries": [
                    (one, country_name(one.country), products_url(one.country))
                    for one in overview.countries
                ],
                "steps": todo[:STEPS_SHOWN],
                "more_steps": todo[STEPS_SHOWN:],
                "endings": list(ending_numbers(facts, overview.at)),
                "interrupted": overview.interrupts_at is not None
                and overview.interrupts_at <= overview.at,
                "may_upload": request.member.can(Action.UPLOAD_CERTIFICATE),
                "may_edit": request.member.can(Action.EDIT_PRODUCTS),
                **_history(request.seller),
            },
        )


def _history(seller: Seller) -> dict[str, object]:
    history = cover_history(seller)
    plot = SafeString("")
    if len(history.needed) > 1:
        plot = line_plot(
            history.covered,
            title=_("Numbers that live products have, and need"),
            value_label=_("Covered"),
            second=Series(_("Needed"), history.needed),
        )
    return {"plot": plot, "history_day": newest_day(history)}


class ProductsPage(SellerPage):
    """Live products of a cell, of a country, or all, with what they need and have."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show a page of them."""
        found = ProductList(request.seller, request.GET, platform_time.now())
        page = page_of(request, Counted(found.rows, found.total), size=PAGE_SIZE)
        return render(
            request,
            "compliance/products.html",
            {
                "found": found,
                "page_obj": page,
                "rows": found.views(list(page.object_list)),
                "may_edit": request.member.can(Action.EDIT_PRODUCTS),
                "may_upload": request.member.can(Action.UPLOAD_CERTIFICATE),
            },
        )


class ImpactPage(SellerPage):
    """What stops selling where and when, if nothing is done (EPR-12)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the instants to come."""
        now = platform_time.now()
        impact = shop_impact(ShopFacts.load(request.seller, now), now)
        return render(
            request,
            "compliance/impact.html",
            {
                "impact": impact,
                "blocked": stop_views(impact.blocked),
                "moments": moment_views(impact.moments),
            },
        )


class CertificateImpactPage(SellerPage):
    """Which products have no other number once a certificate ends (EPR-12)."""

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show them."""
        now = platform_time.now()
        certificate = Certificate.objects.filter(seller=request.seller, pk=pk).first()
        if certificate is None or certificate.type != CertificateType.EPR:
            raise Http404
        facts = ShopFacts.load(request.seller, now)
        registration = facts.coverage.registration(certificate.pk)
        if registration is None:
            raise Http404
        impact = certificate_impact(facts, registration, now)
        context: dict[str, object] = {
            "certificate": certificate,
            "certificate_url": certificate_url(certificate.pk),
            "counts": certificate.counts_at(now),
            "country": country_name(certificate.country),
            "impact": impact,
            "may_upload": request.member.can(Action.UPLOAD_CERTIFICATE),
            "now": now,
            "upload_url": upload_url(certificate.country, certificate.category),
        }
        if impact.requirement is not None and impact.depending:
            rows = depending(
                request.seller, facts.coverage, impact.requirement, certificate.pk, impact.ends_at
            )
            rows = rows.select_related("category").order_by("product_id")
            context["page_obj"] = page_of(request, Counted(rows, impact.depending), size=PAGE_SIZE)
        return render(request, "compliance/certificate_impact.html", context)
