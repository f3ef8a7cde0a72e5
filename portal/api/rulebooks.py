"""`/rulebooks`: the platform's published rules, public to members (K-16)."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import generics, serializers

from portal.api.filters import DayFilter, KnownFilter
from portal.api.views import ScopedView
from portal.choices import RulebookStatus
from portal.models import Rulebook
from portal.rulebook_schemas import RULEBOOK_MODULES


class RulebookSerializer(serializers.ModelSerializer):
    """Which rules of a module are in force on which Pacific days."""

    effective_to = serializers.DateField(
        allow_null=True, help_text="Last day; null while it is open."
    )

    class Meta:
        model = Rulebook
        fields = ["module", "version", "effective_from", "effective_to", "source", "published_at"]
        read_only_fields = fields


class RulebookDetailSerializer(RulebookSerializer):
    """The same with its tables."""

    content = serializers.SerializerMethodField(
        help_text="The tables; the keys depend on `module`."
    )

    class Meta(RulebookSerializer.Meta):
        fields = [*RulebookSerializer.Meta.fields, "content"]
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_content(self, rulebook: Rulebook) -> dict[str, object]:
        """Return the content as published."""
        return rulebook.content


class RulebookFilter(django_filters.FilterSet):
    """By module and day."""

    module = KnownFilter(known=RULEBOOK_MODULES, label="Module, such as `portal.buyer_labels`.")
    day = DayFilter(method="on", label="In force on this Pacific day.")

    class Meta:
        model = Rulebook
        fields: list[str] = []

    def on(self, rulebooks: QuerySet, _name: str, day: object) -> QuerySet:
        """Keep those in force on a day."""
        return rulebooks.filter(
            Q(effective_to__isnull=True) | Q(effective_to__gte=day), effective_from__lte=day
        )


def _published() -> QuerySet[Rulebook]:
    return Rulebook.objects.filter(status=RulebookStatus.PUBLISHED)


class RulebookList(ScopedView, generics.ListAPIView):
    """Published rulebooks, newest first."""

    serializer_class = RulebookSerializer
    filterset_class = RulebookFilter
    queryset = _published()
    cursor_ordering = ("-effective_from", "-pk")


class RulebookDetail(ScopedView, generics.RetrieveAPIView):
    """One published rulebook with its tables."""

    serializer_class = RulebookDetailSerializer
    queryset = _published()
    lookup_field = "version"

    def get_queryset(self) -> QuerySet[Rulebook]:
        """Return the published ones of the module in the address."""
        rulebooks = super().get_queryset()
        module = self.kwargs.get("module")
        return rulebooks.filter(module=module) if module else rulebooks.none()
