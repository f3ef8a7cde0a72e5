"""On the page of a product: the gate's answer, and the certificates it carries as labels (EPR-11, CRT-1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from compliance.certificates.labels import labels_of
from compliance.choices import CoverState, EprCategory, GateDecision, TraitSource
from compliance.epr.block_list import ReasonView, reason_view
from compliance.epr.overview_page import LOOKS, Look, certificate_url, upload_url
from compliance.gate import Answer, Cover, gate_many, requirements_of
from compliance.models import GatedProduct
from compliance.rules import sells_to
from compliance.traits.questions import names_of
from portal import platform_time
from portal.choices import Action
from portal.country_names import country_name
from portal.models import Member, Seller
from portal.prepared_reads import prepared
from portal.product_panels import ProductPanel, register_product_panels
from portal.read_once import read_once

TONES = {GateDecision.ALLOWED: "ok", GateDecision.WARN: "warn", GateDecision.BLOCKED: "danger"}


@dataclass(frozen=True)
class LineView:
    """A number the product needs; `url` leads to its certificate, or to where one is uploaded."""

    name: str
    label: str
    look: Look
    url: str


@dataclass(frozen=True)
class CountryView:
    """What the gate says for a country, and the numbers behind it; `others` are reasons besides."""

    country: str
    sold: bool
    decision: GateDecision
    label: str
    tone: str
    interrupts_at: datetime | None
    lines: list[LineView]
    others: list[ReasonView]


@register_product_panels
def trade_gate(seller: Seller, member: Member, product_id: str) -> Iterator[ProductPanel]:
    """Show what the product needs, has, and what the gate says now; a constant number of statements."""
    product = _product(seller, product_id)
    if product is None:
        return
    now = platform_time.now()
    lines: dict[str, list[Cover]] = {}
    for line in requirements_of([product], now)[product.pk]:
        lines.setdefault(line.country, []).append(line)
    if not lines:
        return
    answers = gate_many([(product_id, country) for country in lines], now, log=False)
    yield ProductPanel(
        "compliance/_product_panel.html",
        {
            "product": product,
            "contains": names_of(product.traits),
            "assumed": product.source in (TraitSource.CATEGORY, TraitSource.FALLBACK),
            "countries": [
                _country(product, answer, lines[answer.country], member) for answer in answers
            ],
        },
    )


@read_once
def _product(seller: Seller, product_id: str) -> GatedProduct | None:
    return next(iter(_gated(seller.pk, product_id)), None)


@prepared
def _gated(seller_id: int, product_id: str) -> QuerySet[GatedProduct]:
    return GatedProduct.objects.filter(seller=seller_id, deleted=False, product_id=product_id)


def _country(
    product: GatedProduct, answer: Answer, lines: list[Cover], member: Member
) -> CountryView:
    return CountryView(
        country_name(answer.country),
        sells_to(product.countries, answer.country),
        answer.decision,
        str(answer.decision.label),
        TONES[answer.decision],
        answer.interrupts_at,
        [_line(line, member) for line in lines if line.required],
        [
            reason_view(reason.code, None, answer.country)
            for reason in answer.reasons
            if reason.category is None
        ],
    )


def _line(line: Cover, member: Member) -> LineView:
    url = ""
    if line.certificate is not None:
        url = certificate_url(line.certificate)
    elif member.can(Action.UPLOAD_CERTIFICATE) and line.status != CoverState.COVERED:
        url = upload_url(line.country, line.category)
    return LineView(
        str(EprCategory(line.category).label), str(line.status.label), LOOKS[line.status], url
    )


@register_product_panels
def certificate_labels(seller: Seller, member: Member, product_id: str) -> Iterator[ProductPanel]:
    """Show the verified certificates that speak for the product; a link to add one (CRT-1)."""
    product = _product(seller, product_id)
    if product is None:
        return
    labels = labels_of(product, platform_time.now())
    may_upload = member.can(Action.UPLOAD_CERTIFICATE)
    yield ProductPanel(
        "compliance/_label_panel.html",
        {"product": product, "labels": labels, "may_upload": may_upload},
    )
