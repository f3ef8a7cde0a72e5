"""All matches of all themes in one statement (LST-4, NGT-7).

The same answer as `listings.rules.evaluate` for every pair; cheap tests come first, and the title's
text is looked at last. Both dialects take the named parameters `day` (the as-of day), `moment` (the
first instant after it) and `lo`, `hi` (a closed range of product keys).
"""

from __future__ import annotations

from listings.matching.compiled import GROUPS
from listings.matching.countries import MASKS

_PLACES = range(1, GROUPS + 1)

IN_FORCE = "t.starts_on <= %(day)s AND (t.ends_on IS NULL OR t.ends_on >= %(day)s)"
"""Condition on a theme `t`: the day lies in its window."""

HOLDS = "p.valid_from < %(moment)s AND (p.valid_to IS NULL OR p.valid_to >= %(moment)s)"
"""Condition on a projection `p`: it is what the product was at the end of the day."""

IN_SHARD = "p.product_id BETWEEN %(lo)s AND %(hi)s"

_SHARED_COUNTRIES = " OR ".join(
    f"(p.countries_{place} & t.countries_{place}) <> 0" for place in range(MASKS)
)
_CHEAP = (
    "(t.kind = '' OR t.kind = p.kind)",
    "(p.services & t.service_mask) = t.service_mask",
    "(t.cents_min IS NULL OR (p.price_min >= t.cents_min AND p.price_max IS NOT NULL))",
    "(t.cents_max IS NULL OR (p.price_max <= t.cents_max AND p.price_min IS NOT NULL))",
    f"(NOT t.is_national OR {_SHARED_COUNTRIES})",
)
_GROUP_SIGNATURES = tuple(
    f"(t.group_{n} IS NULL OR (p.value_sig & t.group_sig_{n}) <> 0)" for n in _PLACES
)
_TITLE_SIGNATURE = """(t.token_ids IS NULL OR CASE t.keyword_mode
    WHEN 'all' THEN (p.token_sig & t.token_sig) = t.token_sig
    ELSE (p.token_sig & t.token_sig) <> 0 END)"""

_POSTGRES = (
    *(f"(t.group_{n} IS NULL OR p.value_ids && t.group_{n})" for n in _PLACES),
    """(t.token_ids IS NULL OR CASE t.keyword_mode
        WHEN 'all' THEN p.token_ids @> t.token_ids
        ELSE p.token_ids && t.token_ids END)""",
    # jsonb numbers are exact, so 63-bit hashes survive.
    """(NOT t.more_groups OR NOT EXISTS (
        SELECT 1 FROM jsonb_array_elements(t.groups) g WHERE NOT EXISTS (
            SELECT 1 FROM jsonb_array_elements_text(g -> 1) v WHERE v::bigint = ANY (p.value_ids))))""",
    """(NOT t.verify_title OR CASE t.keyword_mode
        WHEN 'all' THEN NOT EXISTS (SELECT 1 FROM jsonb_array_elements_text(t.patterns) w
            WHERE strpos(p.title_norm, w) = 0)
        ELSE EXISTS (SELECT 1 FROM jsonb_array_elements_text(t.patterns) w
            WHERE strpos(p.title_norm, w) > 0) END)""",
)

# Hashes have one width, so one is in a list exactly when its digits are in the list's text.
_SQLITE_GROUP = """(t.group_{n} IS NULL OR EXISTS (
    SELECT 1 FROM json_each(t.group_{n}) v WHERE instr(p.value_ids, v.value) > 0))"""
_SQLITE = (
    *_GROUP_SIGNATURES,
    _TITLE_SIGNATURE,
    *(_SQLITE_GROUP.format(n=n) for n in _PLACES),
    """(NOT t.more_groups OR NOT EXISTS (
        SELECT 1 FROM json_each(t.groups) g WHERE NOT EXISTS (
            SELECT 1 FROM json_each(g.value, '$[1]') v WHERE instr(p.value_ids, v.value) > 0)))""",
    """(t.token_ids IS NULL OR CASE t.keyword_mode
        WHEN 'all' THEN NOT EXISTS (SELECT 1 FROM json_each(t.patterns) w
            WHERE instr(p.title_norm, w.value) = 0)
        ELSE EXISTS (SELECT 1 FROM json_each(t.patterns) w
            WHERE instr(p.title_norm, w.value) > 0) END)""",
)

_PAIRS = """
SELECT p.product_id, t.id AS theme_id, p.seller_id
FROM listings_theme t
JOIN portal_categoryclosure c ON c.ancestor_id = t.category_id
JOIN listings_matchprojection p ON p.category_id = c.descendant_id
WHERE """


def match_select(vendor: str, *, scope: str = "") -> str:
    """Return the SELECT of `product_id, theme_id, seller_id` of all matches.

    `scope` narrows it: a condition on the aliases `p` (projection) and `t` (theme).
    """
    exact = _POSTGRES if vendor == "postgresql" else _SQLITE
    conditions = [IN_FORCE, IN_SHARD, HOLDS, "p.live", *_CHEAP, *exact]
    if scope:
        conditions.insert(0, f"({scope})")
    return _PAIRS + "\n  AND ".join(conditions)
