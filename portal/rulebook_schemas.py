"""Modules that have rulebooks, and the typed content of the kernel's own (K-16).

An app declares a module with a pydantic model in its `rules.py`:

    class Benefits(RulebookContent): ...
    register_rulebook_module("listings.benefits", Benefits)

and ships tables as `<app>/rulebooks/<module>/<version>.toml`. Sellers read the tables, so the app also
names every key and every fixed value with `register_rulebook_words`.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from portal.choices import Membership


class RulebookContent(BaseModel):
    """Base of every content model and of every table inside one: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Content = TypeVar("Content", bound=RulebookContent)
RULEBOOK_MODULES: dict[str, type[RulebookContent]] = {}


def register_rulebook_module(module: str, model: type[RulebookContent]) -> None:
    """Declare that `module` (`<app>.<name>`) has rulebooks whose content is a `model`."""
    if RULEBOOK_MODULES.setdefault(module, model) is not model:
        raise ValueError(f"rulebook module {module!r} is declared twice")


RULEBOOK_WORDS: dict[str, str | Promise] = {}
"""Keys and fixed values of contents → what readers are shown."""


def register_rulebook_words(words: dict[str, str | Promise]) -> None:
    """Name keys and fixed values; one that another app named already keeps its name."""
    for key, text in words.items():
        RULEBOOK_WORDS.setdefault(key, text)


def rulebook_vocabulary(model: type[BaseModel]) -> set[str]:
    """Return the keys and fixed values a content model allows, with the tables inside it."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(re.sub(r"_(?:en|zh)$", "", name))
        found |= _vocabulary(field.annotation)
    return found


def _vocabulary(annotation: Any) -> set[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return rulebook_vocabulary(annotation)
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Literal:
        return {value for value in arguments if isinstance(value, str)}
    return set().union(*map(_vocabulary, arguments))


@dataclass(frozen=True)
class RulebookError:
    """One mistake in a content: `location` such as `tiers[2].points`, and names meant instead."""

    location: str
    message: str
    nearest: tuple[str, ...] = ()

    def __str__(self) -> str:
        hint = f" (nearest: {', '.join(self.nearest)})" if self.nearest else ""
        return f"{self.location or 'content'}: {self.message}{hint}"


def content_errors(module: str, content: Any) -> list[RulebookError]:
    """Return what is wrong with a content; empty when it is valid. An unknown module is an error."""
    model = RULEBOOK_MODULES.get(module)
    if model is None:
        nearest = tuple(difflib.get_close_matches(module, RULEBOOK_MODULES, n=3, cutoff=0.5))
        return [RulebookError("module", f"there is no module “{module}”", nearest)]
    try:
        model.model_validate(content)
    except ValidationError as error:
        return [_describe(model, row) for row in error.errors(include_url=False)]
    return []


def _describe(model: type[BaseModel], row: Any) -> RulebookError:
    location = tuple(row["loc"])
    nearest: tuple[str, ...] = ()
    if row["type"] == "extra_forbidden" and location:
        known = sorted(_fields_at(model, location[:-1]))
        nearest = tuple(
            difflib.get_close_matches(str(location[-1]), known, n=3, cutoff=0.5)
        ) or tuple(known[:6])
        return RulebookError(_path(location), "there is no such key here", nearest)
    return RulebookError(_path(location), row["msg"].removeprefix("Value error, "), nearest)


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> set[str]:
    """Return the key names allowed where a pydantic error location points."""
    candidates: list[Any] = [model]
    for part in location:
        candidates = [inner for outer in candidates for inner in _step(outer, part)]
    return {
        name
        for candidate in candidates
        if isinstance(candidate, type) and issubclass(candidate, BaseModel)
        for name in candidate.model_fields
    }


def _step(annotation: Any, part: int | str) -> list[Any]:
    """Return what an annotation may hold at a key or index; unions and containers are opened."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(part))
        # A union's error location names the member's class; staying put is right then.
        return _open(field.annotation) if field else [annotation]
    return []


def _open(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is None:
        return [annotation]
    if origin is typing.Annotated:
        return _open(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for arg in typing.get_args(annotation) for inner in _open(arg)]
    if origin is Literal:
        return []
    # list[X], tuple[X, ...], dict[K, X]: an index or key is one more step, which stays at X.
    return [inner for arg in typing.get_args(annotation) if arg is not ... for inner in _open(arg)]


# --- Buyer labels (K-10, K-11) ------------------------------------------------------------------

TierName = Literal["L1", "L2", "L3", "L4"]


class BadgeAudience(RulebookContent):
    """Which sellers a view is for; every condition given must hold."""

    membership: Literal["basic", "verified"] | None = None
    assessed_star_min: int = Field(default=0, ge=0, le=5)
    flag: str | None = None
    """Code of a seller flag that must be in force."""


class BadgeView(RulebookContent):
    """What sellers of one audience see for each tier; a tier not named shows nothing."""

    audience: BadgeAudience = BadgeAudience()
    shows: dict[TierName, str]


class BuyerLabels(RulebookContent):
    """How buyers are marked for sellers. The first view whose audience holds decides.

    Until 2022-07-31 buyers carried `labels` (gold, blue), which upstream keeps to itself; from
    2022-08-01 sellers see tiers.
    """

    scheme: Literal["labels", "tiers"]
    labels: list[str] = []
    views: list[BadgeView] = []


register_rulebook_module("portal.buyer_labels", BuyerLabels)
register_rulebook_words(
    {
        "scheme": pgettext_lazy("rulebook", "Scheme"),
        "labels": pgettext_lazy("rulebook", "Labels"),
        "tiers": pgettext_lazy("rulebook", "Tiers"),
        "views": pgettext_lazy("rulebook", "Views"),
        "audience": pgettext_lazy("rulebook", "Audience"),
        "membership": pgettext_lazy("rulebook", "Membership"),
        "basic": Membership.BASIC.label,
        "verified": Membership.VERIFIED.label,
        "assessed_star_min": pgettext_lazy("rulebook", "Assessed star at least"),
        "flag": pgettext_lazy("rulebook", "Shop flag"),
        "shows": pgettext_lazy("rulebook", "Shows"),
        **{tier: tier for tier in typing.get_args(TierName)},
    }
)
