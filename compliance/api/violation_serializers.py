"""Violations, appeals and the public list as JSON (CMP-6, CMP-8)."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from compliance.choices import AppealReason, AppealStatus, EffectKind
from compliance.models import Appeal, Violation
from compliance.penalties.reading import ViolationShown
from portal.services.files import file_url


class FileSerializer(serializers.Serializer):
    """A file of a violation or of an appeal."""

    name = serializers.CharField()
    url = serializers.CharField(help_text="For signed-in members of the shop.")


class EffectSerializer(serializers.Serializer):
    """What a penalty does besides its points."""

    kind = serializers.ChoiceField(EffectKind.choices)
    service = serializers.CharField(help_text="What is closed, e.g. `trade_assurance`; else empty.")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="Null: until staff end it.")
    in_force = serializers.BooleanField()


class AppealSerializer(serializers.Serializer):
    """The shop's appeal and what became of it."""

    reason = serializers.ChoiceField(AppealReason.choices)
    text = serializers.CharField()
    files = FileSerializer(many=True)
    status = serializers.ChoiceField(AppealStatus.choices)
    appealed_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(help_text="Empty while it waits.")


class PenaltySerializer(serializers.Serializer):
    """A confirmed violation with its penalty."""

    id = serializers.IntegerField()
    rule = serializers.CharField(help_text="Key of the rule in its rulebook.")
    rulebook = serializers.CharField(help_text="Version of `compliance.violations` that judged it.")
    name = serializers.CharField(help_text="Name of the rule in the caller's language.")
    time = serializers.IntegerField(help_text="How often: 1 = for the first time.")
    grave = serializers.BooleanField()
    points = serializers.IntegerField()
    counts = serializers.BooleanField(help_text="Whether the points are in the sum now.")
    points_until = serializers.DateTimeField(help_text="Points count before this instant.")
    happened_at = serializers.DateTimeField()
    penalised_at = serializers.DateTimeField()
    product_id = serializers.CharField(allow_null=True)
    order_id = serializers.CharField(allow_null=True)
    evidence = serializers.CharField()
    files = FileSerializer(many=True)
    effects = EffectSerializer(many=True)
    lowered_at = serializers.DateTimeField(
        allow_null=True, help_text="An earlier violation of the rule was taken back."
    )
    overturned_at = serializers.DateTimeField(allow_null=True)
    appeal_until = serializers.DateTimeField(help_text="Appeals are taken before this instant.")
    can_appeal = serializers.BooleanField(help_text="Whether the owner can appeal now.")
    appeal = AppealSerializer(allow_null=True)


class PenaltyPageSerializer(serializers.Serializer):
    """The sum, what closes the shop, and a page of penalties, newest first."""

    points = serializers.IntegerField(help_text="Points that count now.")
    closes_at = serializers.IntegerField(
        allow_null=True, help_text="Points that close the shop; null before any rules are in force."
    )
    penalties = PenaltySerializer(many=True)
    next = serializers.URLField(allow_null=True)


class AppealRequestSerializer(serializers.Serializer):
    """What is sent; only for the schema: the service says what is wrong, all of it at once."""

    reason = serializers.ChoiceField(AppealReason.choices)
    text = serializers.CharField(help_text="The shop's statement.")
    files = serializers.ListField(
        child=serializers.FileField(),
        required=False,
        help_text="Up to 5 files (PDF, PNG, JPEG) of up to 10 MB; multipart only.",
    )


class PublicViolationSerializer(serializers.Serializer):
    """A published violation of any shop; names are starred."""

    penalised_on = serializers.DateField(help_text="Pacific day.")
    member_id = serializers.CharField()
    company = serializers.CharField()
    name = serializers.CharField()
    penalty = serializers.CharField()


class PublicPageSerializer(serializers.Serializer):
    """A page of the public list."""

    results = PublicViolationSerializer(many=True)
    next = serializers.URLField(allow_null=True)


def penalty_row(shown: ViolationShown) -> dict[str, Any]:
    """Return the JSON of a violation, read by `violations_read`."""
    one = shown.violation
    appeal: Appeal | None = getattr(one, "appeal", None)
    same = (
        "rule", "rulebook", "grave", "points", "points_until", "happened_at", "penalised_at",
        "evidence", "lowered_at", "overturned_at", "appeal_until",
    )  # fmt: skip
    return {
        **{name: getattr(one, name) for name in same},
        "id": one.pk,
        "name": shown.name,
        "time": one.step,
        "counts": shown.counts,
        "product_id": one.product.product_id if one.product else None,
        "order_id": one.order.order_id if one.order else None,
        "files": _files(one),
        "effects": [
            {
                "kind": effect.effect.kind,
                "service": effect.effect.service,
                "starts_at": effect.effect.starts_at,
                "ends_at": effect.effect.ends_at,
                "in_force": effect.holds,
            }
            for effect in shown.effects
        ],
        "can_appeal": shown.appealable,
        "appeal": _appeal(appeal) if appeal else None,
    }


def _appeal(appeal: Appeal) -> dict[str, Any]:
    same = ("reason", "text", "status", "appealed_at", "decided_at", "answer")
    return {**{name: getattr(appeal, name) for name in same}, "files": _files(appeal)}


def _files(owner: Violation | Appeal) -> list[dict[str, str]]:
    return [{"name": one.file.name, "url": file_url(one.file)} for one in owner.files.all()]
