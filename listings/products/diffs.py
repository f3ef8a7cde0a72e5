"""Two revisions of a product compared field by field, in words (LST-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from listings.choices import (
    SERVICES,
    EprTrait,
    PriceMode,
    ProductKind,
    ProductStatus,
    VideoQuality,
)
from listings.models import Product, ProductRevision, ShippingTemplate
from listings.services.product_data import FIELDS, ProductData
from portal.country_names import country_name
from portal.models import Attribute, Category, Member

LABELS = {
    one.name: one.verbose_name for one in Product._meta.concrete_fields if one.name in FIELDS
} | {"deleted_at": gettext_lazy("recycle bin")}

_CHOICES: dict[str, Any] = {
    "kind": ProductKind,
    "status": ProductStatus,
    "price_mode": PriceMode,
    "video": VideoQuality,
}

ORIGINS = {
    "form": gettext_lazy("form"),
    "api": gettext_lazy("API"),
    "import": gettext_lazy("import"),
    "bulk": gettext_lazy("bulk edit"),
    "ingest": gettext_lazy("platform feed"),
    "staff": gettext_lazy("staff"),
}


@dataclass(frozen=True)
class FieldChange:
    """One field before and after, as texts to read."""

    name: str
    label: str
    before: str
    after: str


class Namer:
    """Turns the ids and codes in contents into words; four queries for any number of them."""

    def __init__(self, contents: Iterable[Mapping[str, Any]]) -> None:
        contents = list(contents)
        owners = {content["owner"] for content in contents if content.get("owner")}
        templates = {
            content["shipping_template"] for content in contents if content.get("shipping_template")
        }
        codes = {content.get("category") for content in contents}
        self.owners = {
            member.pk: member.user.get_username()
            for member in Member.objects.filter(pk__in=owners).select_related("user")
        }
        self.templates = dict(
            ShippingTemplate.objects.filter(pk__in=templates).values_list("pk", "name")
        )
        self.categories = {one.code: one for one in Category.objects.filter(code__in=codes)}
        self._attribute_codes = {
            code for content in contents for code in content.get("attributes") or ()
        }

    @cached_property
    def attributes(self) -> dict[str, str]:
        """Code → name in the active language; read only when attributes are written out."""
        found = Attribute.objects.filter(code__in=self._attribute_codes)
        return {attribute.code: attribute.name for attribute in found}

    def content(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return a content whose people and templates are names instead of ids."""
        return {
            **content,
            "owner": self.owners.get(content.get("owner") or 0),
            "shipping_template": self.templates.get(content.get("shipping_template") or 0),
        }

    def text(self, name: str, value: Any) -> str:
        """Return a field's value in words; empty for nothing."""
        if value in (None, "", [], {}):
            return ""
        if name in _CHOICES:
            return (
                str(_CHOICES[name](value).label) if value in _CHOICES[name].values else str(value)
            )
        if name == "category":
            known = self.categories.get(value)
            return str(value) if known is None else known.path.replace(">>", " › ")
        if name == "owner":
            return self.owners.get(value, _("someone who left"))
        if name == "shipping_template":
            return self.templates.get(value, _("a template that is gone"))
        if name == "attributes":
            value = {self.attributes.get(code, code): one for code, one in value.items()}
        return _plain_text(name, value)


def _plain_text(name: str, value: Any) -> str:
    if name == "deleted_at":
        return _("in the recycle bin")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_listed(one)}" for key, one in value.items())
    return _listed(_WORDS[name](one) for one in value) if name in _WORDS else _listed(value)


_WORDS: dict[str, Callable[[Any], Any]] = {
    "tiers": lambda tier: f"≥ {tier[0]}: {tier[1]}",
    "skus": lambda sku: f"{sku['name']}: {sku['price']}",
    "services": lambda code: SERVICES.get(code, code),
    "epr_traits": lambda code: EprTrait(code).label,
    "target_countries": country_name,
}


def _listed(value: Any) -> str:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    return pgettext("between names", ", ").join(map(str, value))


def changes_between(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], namer: Namer
) -> list[FieldChange]:
    """Return the fields that differ; against nothing, those that say something."""
    empty = ProductData().as_content()
    old = {**empty, **(before or {})}
    new = {**empty, **after}
    return [
        FieldChange(
            name, str(LABELS[name]), namer.text(name, old[name]), namer.text(name, new[name])
        )
        for name in FIELDS
        if old[name] != new[name]
    ]


@dataclass(frozen=True)
class RevisionView:
    """A revision as the history page shows it."""

    revision: ProductRevision
    changes: list[FieldChange]
    is_first: bool

    @property
    def origin(self) -> str:
        """Where it came from, in words."""
        return str(ORIGINS.get(self.revision.origin, self.revision.origin))


def history_of(revisions: Sequence[ProductRevision], size: int) -> list[RevisionView]:
    """Return the first `size` of revisions, newest first, each against the one before it.

    Pass one revision more than is shown, so that the last one shown has something to differ from.
    """
    namer = Namer(revision.content for revision in revisions)
    views = []
    for place, revision in enumerate(revisions[:size]):
        older = revisions[place + 1] if place + 1 < len(revisions) else None
        changes = changes_between(older.content if older else None, revision.content, namer)
        views.append(RevisionView(revision, changes, older is None))
    return views
