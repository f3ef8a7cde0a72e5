"""`/categories`: the tree, searched and walked, and what its leaves ask of a product (K-12)."""

from __future__ import annotations

from datetime import date
from typing import Any

import django_filters
from django.db.models import Q, QuerySet, prefetch_related_objects
from drf_spectacular.utils import extend_schema_field
from rest_framework import generics, serializers

from portal import platform_time
from portal.api.filters import CategoryCodeFilter, TruthFilter
from portal.api.views import ScopedView
from portal.choices import AttributeType
from portal.models import Category
from portal.services.catalogue import attributes_for

FLAGS = ("prohibited", "restricted", "suspended")


def _suspended(day: date) -> Q:
    return Q(suspended_from__lte=day) & (Q(suspended_to__isnull=True) | Q(suspended_to__gte=day))


class CategorySerializer(serializers.ModelSerializer):
    """One node; `flags` are those that hold today (Pacific)."""

    parent = serializers.CharField(  # type: ignore[assignment]
        source="parent.code", default=None, allow_null=True
    )
    name = serializers.CharField(help_text="In the caller's language.")
    path = serializers.CharField(help_text="Names from the industry down, joined by `>>`.")
    flags = serializers.SerializerMethodField()

    class Meta:
        model = Category
        fields = [
            "code",
            "parent",
            "name",
            "name_en",
            "name_zh",
            "path",
            "depth",
            "is_leaf",
            "flags",
            "suspended_from",
            "suspended_to",
        ]
        read_only_fields = fields

    def get_flags(self, category: Category) -> list[str]:
        """Return the flags that hold today."""
        holds = {
            "prohibited": category.prohibited,
            "restricted": category.restricted,
            "suspended": category.is_suspended(platform_time.today()),
        }
        return [flag for flag in FLAGS if holds[flag]]


class CategoryAttributeSerializer(serializers.Serializer):
    """A system attribute as a category offers it, inherited ones included."""

    code = serializers.CharField(source="attribute.code")
    name = serializers.CharField(source="attribute.name")
    name_en = serializers.CharField(source="attribute.name_en")
    name_zh = serializers.CharField(source="attribute.name_zh")
    type = serializers.ChoiceField(source="attribute.type", choices=AttributeType.choices)
    unit = serializers.CharField(source="attribute.unit")
    values = serializers.ListField(child=serializers.CharField(), help_text="Allowed values.")
    inherited_from = serializers.CharField(source="category.code", help_text="Owning category.")


class CategoryDetailSerializer(CategorySerializer):
    """A node with the attributes products in it can carry."""

    attributes = serializers.SerializerMethodField()

    class Meta(CategorySerializer.Meta):
        fields = [*CategorySerializer.Meta.fields, "attributes"]
        read_only_fields = fields

    @extend_schema_field(CategoryAttributeSerializer(many=True))
    def get_attributes(self, category: Category) -> list[dict[str, Any]]:
        """Return own attributes and inherited ones; the nearest offer of a code counts."""
        offers = attributes_for(category)
        prefetch_related_objects(offers, "category")
        return list(CategoryAttributeSerializer(offers, many=True).data)


class CategoryFilter(django_filters.FilterSet):
    """Ways into the tree."""

    q = django_filters.CharFilter(
        method="search", label="Part of a name, a path or a code, in English or Chinese."
    )
    parent = CategoryCodeFilter(
        field_name="parent__code", label="Code of the parent: its direct children."
    )
    under = CategoryCodeFilter(
        field_name="above__ancestor__code", label="Code of a node: it and all below."
    )
    root = TruthFilter(
        field_name="parent", lookup_expr="isnull", label="Industries only, or all but them."
    )
    leaf = TruthFilter(field_name="is_leaf", label="Leaves only, or all but them.")
    flag = django_filters.ChoiceFilter(
        choices=[(flag, flag) for flag in FLAGS], method="flagged", label="A flag that holds today."
    )

    class Meta:
        model = Category
        fields: list[str] = []

    def search(self, categories: QuerySet, _name: str, words: str) -> QuerySet:
        """Keep the nodes that contain every word."""
        for word in words.split():
            categories = categories.filter(
                Q(path_en__icontains=word) | Q(path_zh__contains=word) | Q(code__iexact=word)
            )
        return categories

    def flagged(self, categories: QuerySet, _name: str, flag: str) -> QuerySet:
        """Keep the nodes with a flag."""
        if flag == "suspended":
            return categories.filter(_suspended(platform_time.today()))
        return categories.filter(**{flag: True})


class CategoryList(ScopedView, generics.ListAPIView):
    """Categories in the order of their paths."""

    serializer_class = CategorySerializer
    filterset_class = CategoryFilter
    queryset = Category.objects.select_related("parent")
    cursor_ordering = ("path_en", "pk")


class CategoryDetail(ScopedView, generics.RetrieveAPIView):
    """One category with the system attributes products in it can carry."""

    serializer_class = CategoryDetailSerializer
    queryset = Category.objects.select_related("parent")
    lookup_field = "code"
