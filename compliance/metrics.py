"""Metrics of compliance: certificates, numbers lacking, points (K-14, CRT-1, EPR-11, CMP-6).

A certificate counts on a day when its interval reaches the end of the day, never by its status.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.utils.functional import lazystr
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import CertificateType, GateDecision
from compliance.epr.schema import EPR
from compliance.nightly.gate_overview import GATE_OVERVIEW, needed_statement
from compliance.penalties.points import POINTS_SQL
from portal.metrics import Query, metric
from portal.platform_time import end_of
from portal.services.rulebooks import RulebookMissing, rulebook_for

COUNTS = "c.valid_from < %(ends)s AND (c.valid_until IS NULL OR c.valid_until >= %(ends)s)"


def _ends(as_of: date) -> dict[str, Any]:
    return {"ends": end_of(as_of)}


# --- Certificates -------------------------------------------------------------------------------


@metric(
    "compliance.verified_certificates",
    # Translators: 有效证书数
    title=_("Verified certificates"),
    app="compliance",
    about=_("Certificates of every kind that were verified and counted at the end of the day."),
)
def verified_certificates(as_of: date) -> Query:
    """Certificates that count at the end of the day."""
    return Query(
        "SELECT c.seller_id, COUNT(*) AS value FROM compliance_certificate c "
        f"WHERE {{sellers}} AND {COUNTS} GROUP BY c.seller_id",
        _ends(as_of),
    )


@metric(
    "compliance.company_certificates",
    # Translators: 已验证证书或检测报告数
    title=_("Verified certificates and test reports"),
    app="compliance",
    about=_("Verified certificates of every kind other than EPR registrations."),
)
def company_certificates(as_of: date) -> Query:
    """Certificates that count at the end of the day and tell of the company, not of a market's EPR."""
    return Query(
        "SELECT c.seller_id, COUNT(*) AS value FROM compliance_certificate c "
        f"WHERE {{sellers}} AND c.type <> %(epr)s AND {COUNTS} GROUP BY c.seller_id",
        {**_ends(as_of), "epr": CertificateType.EPR.value},
    )


def _of_kind(kind: CertificateType) -> Callable[[date], Query]:
    def query(as_of: date) -> Query:
        return Query(
            "SELECT c.seller_id, COUNT(*) AS value FROM compliance_certificate c "
            f"WHERE {{sellers}} AND c.type = %(kind)s AND {COUNTS} GROUP BY c.seller_id",
            {**_ends(as_of), "kind": kind.value},
        )

    return query


class _KindTitle:
    """`Verified certificates: Trademark` in the language of the moment."""

    def __init__(self, kind: CertificateType) -> None:
        self.kind = kind

    def __str__(self) -> str:
        # Translators: 有效证书数：%(kind)s
        return gettext("Verified certificates: %(kind)s") % {"kind": self.kind.label}


for _kind in CertificateType:
    metric(
        f"compliance.certificates_{_kind.value}",
        title=lazystr(_KindTitle(_kind)),
        app="compliance",
        about=_("Certificates of this kind that were verified and counted at the end of the day."),
    )(_of_kind(_kind))


@metric(
    "compliance.linked_products",
    # Translators: 已关联证书商品数
    title=_("Products with a certificate of their own"),
    app="compliance",
    about=_("Live products that a verified certificate names, other than EPR registrations."),
)
def linked_products(as_of: date) -> Query:
    """Distinct live products named by a certificate that counts; EPR registrations are left out."""
    return Query(
        "SELECT p.seller_id, COUNT(DISTINCT p.id) AS value FROM compliance_gatedproduct p "
        "JOIN compliance_certificateproduct l ON l.product_id = p.id "
        "JOIN compliance_certificate c ON c.id = l.certificate_id AND c.type <> %(epr)s "
        "WHERE p.seller_id BETWEEN %(lo)s AND %(hi)s AND p.live AND NOT p.deleted "
        f"AND {COUNTS} GROUP BY p.seller_id",
        {**_ends(as_of), "epr": CertificateType.EPR.value},
    )


# --- EPR ----------------------------------------------------------------------------------------


@metric(
    "compliance.epr_missing",
    # Translators: 缺少的EPR注册号数
    title=_("EPR numbers lacking"),
    app="compliance",
    after=(GATE_OVERVIEW,),
    about=_(
        "Pairs of country and EPR category for which a live product lacks a verified number that "
        "covers it."
    ),
)
def epr_missing(as_of: date) -> Query:
    """Countries × categories in which some live product is not covered (EPR-11)."""
    return Query(
        "SELECT seller_id, COUNT(*) AS value FROM compliance_gateoverview WHERE {sellers} "
        "AND valid_from <= %(as_of)s AND valid_to >= %(as_of)s AND covered < required "
        "GROUP BY seller_id",
        {"as_of": as_of},
    )


@metric(
    "compliance.products_blocked",
    # Translators: 被打断交易的商品数
    title=_("Products whose trade is interrupted"),
    app="compliance",
    about=_("Live products that cannot be sold to a country for lack of an EPR number."),
)
def products_blocked(as_of: date) -> Query:
    """Distinct live products the gate blocks for some country at the end of the day (EPR-11)."""
    try:
        rules = rulebook_for(EPR, as_of).content
    except RulebookMissing:
        return Query("SELECT id AS seller_id, 0 AS value FROM portal_seller WHERE 1 = 0")
    select = (
        " SELECT seller_id, COUNT(DISTINCT product_id) AS value FROM needed "
        f"WHERE stands < 2 AND without = '{GateDecision.BLOCKED.value}' GROUP BY seller_id"
    )
    return Query(*needed_statement(rules, as_of, select))


# --- Violations ---------------------------------------------------------------------------------


@metric(
    "compliance.points",
    # Translators: 违规扣分
    title=_("Penalty points"),
    app="compliance",
    about=_("Points of violations that counted at the end of the day; 48 close the shop."),
)
def points(as_of: date) -> Query:
    """Sum of the points in force: penalised before, still running, not overturned by then (CMP-6)."""
    return Query(POINTS_SQL, _ends(as_of))
