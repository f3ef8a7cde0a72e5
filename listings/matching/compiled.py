"""Products and themes in the narrow form that the database compares. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from listings.choices import KeywordMode
from listings.matching.countries import SERVICE, country_masks, service_mask
from listings.matching.text import signature, token_hash, token_hashes, value_hash
from listings.themes.rules import ProductFacts, ThemeSpec, values_of
from portal.text import tokens

GROUPS = 4
"""Attribute groups a theme holds in columns; further ones are looked up in `groups`."""


def project(facts: ProductFacts) -> dict[str, Any]:
    """Return the columns of a `MatchProjection` that follow from a product's facts.

    Everything but product, seller, category and the two instants.
    """
    mask, other_services = service_mask(facts.services)
    masks = country_masks(facts.country_codes)
    hashes = {
        value_hash(code, value)
        for code, values in facts.attributes.items()
        for value in values_of(values)
    } | {value_hash(SERVICE, code) for code in other_services}
    value_ids = sorted(hashes)
    token_ids = token_hashes(facts.title_norm)
    return {
        "live": facts.is_live,
        "kind": facts.kind,
        "price_min": cents(facts.price_min),
        "price_max": cents(facts.price_max),
        "services": mask,
        **_country_columns(masks),
        "value_sig": signature(value_ids),
        "token_sig": signature(token_ids),
        "value_ids": value_ids,
        "token_ids": token_ids,
        "title_norm": facts.title_norm,
    }


def compile_theme(spec: ThemeSpec) -> dict[str, Any]:
    """Return the compiled columns of a `Theme`.

    A product has to share a hash with every group. A service without a bit of its own becomes a
    group of one. The shortest groups come first: they tell most.
    """
    mask, other_services = service_mask(spec.services)
    masks = country_masks(spec.countries)
    groups: list[tuple[str, list[int]]] = [
        *(
            (code, sorted({value_hash(code, value) for value in values}))
            for code, values in spec.attributes.items()
        ),
        *((SERVICE, [value_hash(SERVICE, code)]) for code in other_services),
    ]
    groups.sort(key=lambda group: (len(group[1]), group[0], group[1]))
    columns: dict[str, Any] = {
        "is_national": bool(spec.countries),
        "service_mask": mask,
        **_country_columns(masks),
        "cents_min": cents(spec.price_min),
        "cents_max": cents(spec.price_max),
        "groups": [list(group) for group in groups],
        "more_groups": len(groups) > GROUPS,
        **_keyword_columns(spec),
    }
    for place in range(GROUPS):
        hashes = groups[place][1] if place < len(groups) else None
        columns[f"group_{place + 1}"] = hashes
        columns[f"group_sig_{place + 1}"] = signature(hashes) if hashes else None
    return columns


def _keyword_columns(spec: ThemeSpec) -> dict[str, Any]:
    """Return the token prefilter and the patterns that decide.

    All: the title must hold every token. Any: one token of each keyword, its longest, so that a
    title which holds the keyword is never missed. With keywords of one token each, tokens decide.
    """
    if not spec.patterns:
        return {"token_ids": None, "token_sig": None, "verify_title": False, "patterns": []}
    found = [
        sorted(tokens(text), key=lambda token: (-len(token), token)) for _, text in spec.patterns
    ]
    if spec.keyword_mode == KeywordMode.ALL:
        needed = {token for keyword in found for token in keyword}
    else:
        needed = {keyword[0] for keyword in found}
    hashes = sorted(map(token_hash, needed))
    return {
        "token_ids": hashes,
        "token_sig": signature(hashes),
        "verify_title": any(
            len(text.split()) > 1 or len(keyword) > 1
            for (_, text), keyword in zip(spec.patterns, found, strict=True)
        ),
        "patterns": sorted({text for _, text in spec.patterns}),
    }


def _country_columns(masks: tuple[int, int, int, int]) -> Mapping[str, int]:
    return {f"countries_{place}": mask for place, mask in enumerate(masks)}


def cents(amount: Decimal | None) -> int | None:
    """Return US dollars as whole cents; prices have two decimals."""
    return None if amount is None else int(amount * 100)
