"""Shapes of the EPR overview, traits and blocked trades, for answers and for the schema."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.api.gate_serializers import GateReasonSerializer
from compliance.choices import CoverState, EprCategory, GateDecision, TraitSource
from compliance.epr.impact import CertificateImpact, ShopImpact, Stop
from compliance.epr.shop_overview import Cell, ShopOverview
from compliance.models import GateBlock, GatedProduct
from compliance.rules import codes_of
from compliance.traits.reading import CategoryRow


class TraitsField(serializers.ListField):
    """Codes of EPR categories."""

    child = serializers.ChoiceField(EprCategory.choices)


# --- Overview -------------------------------------------------------------------------------------


class OverviewCountrySerializer(serializers.Serializer):
    """Live products and a country; each product is counted once."""

    country = serializers.CharField()
    sold = serializers.IntegerField(help_text="Live products sold there.")
    stopping = serializers.IntegerField(
        source="lacking", help_text="Of them, those that stop selling there, or have stopped."
    )
    blocked = serializers.IntegerField(help_text="Of them, those that have stopped.")
    interrupts_at = serializers.DateTimeField(allow_null=True)


class OverviewCellSerializer(serializers.Serializer):
    """A country and an EPR category."""

    country = serializers.CharField()
    category = serializers.ChoiceField(EprCategory.choices)
    state = serializers.ChoiceField(CoverState.choices, help_text="The gravest of any product.")
    required = serializers.IntegerField(  # type: ignore[assignment]
        help_text="Live products that need the number."
    )
    covered = serializers.IntegerField()
    in_review = serializers.IntegerField()
    missing = serializers.IntegerField(help_text="Missing, rejected, or not for the product.")
    expired = serializers.IntegerField(help_text="Expired or revoked.")
    states = serializers.DictField(
        child=serializers.IntegerField(), help_text="Products by exact state."
    )
    decision = serializers.ChoiceField(
        GateDecision.choices, help_text="What the gate says to those that lack it, now."
    )
    law_from = serializers.DateField()
    interrupts_at = serializers.DateTimeField(allow_null=True)
    register_before = serializers.DateField(
        allow_null=True,
        help_text="By when registering has to begin: the most weeks before the end.",
    )
    weeks = serializers.ListField(
        child=serializers.IntegerField(), help_text="Weeks registering takes: least and most."
    )


class OverviewSerializer(serializers.Serializer):
    """A shop's live products and the numbers they need, now."""

    at = serializers.DateTimeField()
    rulebook = serializers.CharField(help_text="Empty before the first rules.")
    interrupts_at = serializers.DateTimeField(allow_null=True)
    live = serializers.IntegerField(help_text="Live products.")
    affected = serializers.IntegerField(help_text="Of them, those that stop selling somewhere.")
    blocked = serializers.IntegerField(help_text="Of them, those that have stopped somewhere.")
    assumed = serializers.IntegerField(help_text="Of them, those whose traits are only assumed.")
    countries = OverviewCountrySerializer(many=True)
    cells = OverviewCellSerializer(many=True)


def overview_row(overview: ShopOverview) -> dict[str, Any]:
    """Return an overview for `OverviewSerializer`."""
    return {
        "at": overview.at,
        "rulebook": overview.version,
        "interrupts_at": overview.interrupts_at,
        "live": overview.live,
        "affected": overview.affected,
        "blocked": overview.blocked,
        "assumed": overview.assumed,
        "countries": overview.countries,
        "cells": [_cell_row(cell) for cell in overview.cells.values()],
    }


def _cell_row(cell: Cell) -> dict[str, Any]:
    return {
        "country": cell.country,
        "category": cell.category,
        "state": cell.state,
        "required": cell.required,
        "covered": cell.covered,
        "in_review": cell.in_review,
        "missing": cell.missing,
        "expired": cell.expired,
        "states": {state.value: products for state, products in (+cell.counts).items()},
        "decision": cell.decision,
        "law_from": cell.requirement.law_from,
        "interrupts_at": cell.interrupts_at,
        "register_before": cell.register_before,
        "weeks": list(cell.requirement.weeks),
    }


class CoverProductSerializer(serializers.Serializer):
    """A live product with what it contains."""

    product_id = serializers.CharField()
    title = serializers.CharField()
    category = serializers.CharField(source="category.code")
    traits = TraitsField()
    source = serializers.ChoiceField(TraitSource.choices)  # type: ignore[assignment]
    state = serializers.ChoiceField(
        CoverState.choices, allow_null=True, help_text="Of the chosen country and category."
    )


class CoverProductPageSerializer(serializers.Serializer):
    """A page of products."""

    results = CoverProductSerializer(many=True)
    next = serializers.URLField(allow_null=True)


def product_row(product: GatedProduct) -> dict[str, Any]:
    """Return a product for `CoverProductSerializer`."""
    return {
        "product_id": product.product_id,
        "title": product.title,
        "category": product.category,
        "traits": codes_of(product.traits),
        "source": product.source,
        "state": getattr(product, "state", None),
    }


# --- Impact ---------------------------------------------------------------------------------------


class StopSerializer(serializers.Serializer):
    """Live products that stop selling to a country."""

    country = serializers.CharField()
    products = serializers.IntegerField()
    lacking = serializers.DictField(
        child=serializers.IntegerField(), help_text="Products by the EPR category they lack."
    )


class MomentSerializer(serializers.Serializer):
    """An instant at which something stops selling, or would."""

    at = serializers.DateTimeField()
    interrupted = serializers.ListField(
        child=serializers.CharField(), help_text="Countries that interrupt trade then."
    )
    ending = serializers.ListField(
        child=serializers.IntegerField(), help_text="Ids of certificates that end then."
    )
    products = serializers.IntegerField(help_text="Different products that stop.")
    stops = StopSerializer(many=True)


class ImpactSerializer(serializers.Serializer):
    """What stops selling when, if nothing is done."""

    at = serializers.DateTimeField()
    blocked = StopSerializer(many=True)
    moments = MomentSerializer(many=True)


class CertificateImpactSerializer(serializers.Serializer):
    """What a certificate carries."""

    ends_at = serializers.DateTimeField(help_text="Its end, or now when it has none.")
    covers = serializers.IntegerField(help_text="Live products it covers.")
    depending = serializers.IntegerField(help_text="Of them, those with no other number then.")
    stops_at = serializers.DateTimeField(allow_null=True, help_text="When those stop selling.")
    waiting = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Ids of certificates for the same that wait for review.",
    )


def impact_row(impact: ShopImpact) -> dict[str, Any]:
    """Return an impact for `ImpactSerializer`."""
    return {
        "at": impact.at,
        "blocked": [_stop_row(stop) for stop in impact.blocked],
        "moments": [
            {
                "at": moment.at,
                "interrupted": moment.interrupted,
                "ending": [row.pk for row in moment.ending],
                "products": moment.products,
                "stops": [_stop_row(stop) for stop in moment.stops],
            }
            for moment in impact.moments
        ],
    }


def _stop_row(stop: Stop) -> dict[str, Any]:
    return {"country": stop.country, "products": stop.products, "lacking": dict(stop.lacking)}


def certificate_impact_row(impact: CertificateImpact) -> dict[str, Any]:
    """Return an impact for `CertificateImpactSerializer`."""
    return {
        "ends_at": impact.ends_at,
        "covers": impact.covers,
        "depending": impact.depending,
        "stops_at": impact.stops_at if impact.depending else None,
        "waiting": [row.pk for row in impact.successors],
    }


# --- Traits ---------------------------------------------------------------------------------------


class CategoryTraitsSerializer(serializers.Serializer):
    """A category of the shop's products, with what they contain unless they say otherwise."""

    category = serializers.CharField()
    path = serializers.CharField()
    products = serializers.IntegerField(help_text="Live products.")
    traits = TraitsField()
    source = serializers.ChoiceField(TraitSource.choices)  # type: ignore[assignment]
    to_confirm = serializers.BooleanField(help_text="Live products have it by assumption only.")
    confirmed_at = serializers.DateTimeField(allow_null=True)
    by_source = serializers.DictField(
        child=serializers.IntegerField(), help_text="Live products by where their traits come from."
    )
    differing = serializers.IntegerField(help_text="Live products of which something else is said.")


class CategoryTraitsPageSerializer(serializers.Serializer):
    """The shop's categories; there is one page."""

    results = CategoryTraitsSerializer(many=True)
    next = serializers.URLField(allow_null=True)


def category_row(row: CategoryRow) -> dict[str, Any]:
    """Return a category for `CategoryTraitsSerializer`."""
    return {
        "category": row.category.code,
        "path": row.category.path,
        "products": row.products,
        "traits": codes_of(row.held.traits),
        "source": row.held.source,
        "to_confirm": row.to_confirm,
        "confirmed_at": row.confirmed_at,
        "by_source": dict(row.by_source),
        "differing": row.differing,
    }


class CategoryAnswersSerializer(serializers.Serializer):
    """Answers by category code; only for the schema, the view names all that is wrong at once."""

    answers = serializers.DictField(
        child=TraitsField(allow_null=True), help_text="Null takes an answer back."
    )


class ProductAnswersSerializer(serializers.Serializer):
    """Answers by product id; only for the schema, the view names all that is wrong at once."""

    answers = serializers.DictField(
        child=TraitsField(allow_null=True),
        help_text="Null: the product says nothing itself, its category's answer holds.",
    )


class TraitsChangedSerializer(serializers.Serializer):
    """What answers changed."""

    changed = serializers.IntegerField(help_text="Products whose traits are others now.")


# --- Blocked trades -------------------------------------------------------------------------------


class GateBlockSerializer(serializers.ModelSerializer):
    """A pair the gate blocked on a Pacific day, as often as it was asked."""

    reasons = GateReasonSerializer(many=True)

    class Meta:
        model = GateBlock
        fields = ["product_id", "country", "day", "reasons", "first_at", "last_at", "times"]
        read_only_fields = fields


class GateBlockPageSerializer(serializers.Serializer):
    """A page of blocked trades."""

    results = GateBlockSerializer(many=True)
    next = serializers.URLField(allow_null=True)
