"""All matches of all themes in one statement (LST-4, NGT-7).

The same answer as `listings.themes.rules.evaluate` for every pair; cheap tests come first, and the title's
text is looked at last. Both dialects take the named parameters `day` (the as-of day), `moment` (the
first instant after it) and `lo`, `hi` (a closed range of product keys).

PostgreSQL joins by hash and compares arrays. SQLite has neither: it walks products and looks the
themes of their category up in a narrow list made beforehand, and finds a hash by its digits in the
list's text, which is exact because all hashes have one width.
"""

from __future__ import annotations

from listings.matching.compiled import GROUPS
from listings.matching.countries import MASKS

_PLACES = range(1, GROUPS + 1)

_IN_FORCE = "t.starts_on <= %(day)s AND (t.ends_on IS NULL OR t.ends_on >= %(day)s)"
_AS_OF = (
    "p.product_id BETWEEN %(lo)s AND %(hi)s",
    "p.valid_from < %(moment)s AND (p.valid_to IS NULL OR p.valid_to >= %(moment)s)",
    "p.live",
)
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

# --- PostgreSQL ---------------------------------------------------------------------------------

_POSTGRES_EXACT = (
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

_POSTGRES_PAIRS = """SELECT p.product_id, t.id AS theme_id, p.seller_id
FROM listings_theme t
JOIN portal_categoryclosure c ON c.ancestor_id = t.category_id
JOIN listings_matchprojection p ON p.category_id = c.descendant_id
WHERE """

# Of products that are picked out, with the themes of their categories. What the planner expects of a
# join by category is far too low, for the categories with the most products have the most themes, too; it
# would fetch each theme again for every product. Materialised, both sides are joined by hash.
_POSTGRES_PICKED = """SELECT * FROM (
WITH p AS MATERIALIZED (
    SELECT p.*, c.ancestor_id
    FROM listings_matchprojection p
    JOIN portal_categoryclosure c ON c.descendant_id = p.category_id
    WHERE {products}),
t AS MATERIALIZED (
    SELECT t.* FROM listings_theme t
    WHERE {themes} AND t.category_id IN (SELECT ancestor_id FROM p))
SELECT p.product_id, t.id AS theme_id, p.seller_id
FROM p JOIN t ON t.category_id = p.ancestor_id
WHERE {conditions}) AS of_picked"""

# --- SQLite -------------------------------------------------------------------------------------

_SIGNATURES = (
    *(f"(t.group_sig_{n} IS NULL OR (p.value_sig & t.group_sig_{n}) <> 0)" for n in _PLACES),
    """(t.token_sig IS NULL OR CASE t.keyword_mode
        WHEN 'all' THEN (p.token_sig & t.token_sig) = t.token_sig
        ELSE (p.token_sig & t.token_sig) <> 0 END)""",
)
_SQLITE_GROUP = """(f.group_{n} IS NULL OR EXISTS (
    SELECT 1 FROM json_each(f.group_{n}) v WHERE instr(p.value_ids, v.value) > 0))"""
_SQLITE_EXACT = (
    *(_SQLITE_GROUP.format(n=n) for n in _PLACES),
    """(NOT f.more_groups OR NOT EXISTS (
        SELECT 1 FROM json_each(f.groups) g WHERE NOT EXISTS (
            SELECT 1 FROM json_each(g.value, '$[1]') v WHERE instr(p.value_ids, v.value) > 0)))""",
    """(f.token_sig IS NULL OR CASE f.keyword_mode
        WHEN 'all' THEN NOT EXISTS (SELECT 1 FROM json_each(f.patterns) w
            WHERE instr(p.title_norm, w.value) = 0)
        ELSE EXISTS (SELECT 1 FROM json_each(f.patterns) w
            WHERE instr(p.title_norm, w.value) > 0) END)""",
)
_NARROW = (
    "id", "keyword_mode", "kind", "service_mask", "cents_min", "cents_max", "is_national", "token_sig",
    *(f"countries_{place}" for place in range(MASKS)),
    *(f"group_sig_{n}" for n in _PLACES),
)  # fmt: skip
"""Columns of a theme that the cheap tests need."""

_SQLITE_PAIRS = """SELECT * FROM (
WITH t AS MATERIALIZED (
    SELECT c.descendant_id AS leaf, {columns}
    FROM listings_theme t JOIN portal_categoryclosure c ON c.ancestor_id = t.category_id
    WHERE {themes})
SELECT p.product_id, t.id AS theme_id, p.seller_id
FROM {order} CROSS JOIN listings_theme f
WHERE t.leaf = p.category_id AND f.id = t.id AND {conditions})"""


def match_select(
    vendor: str, *, products: str = "", themes: str = "", leaving_out: str = ""
) -> str:
    """Return the SELECT of `product_id, theme_id, seller_id` of all matches.

    `products` and `themes` narrow it, `leaving_out` takes products away: each a SELECT of primary keys.
    """
    theme_tests = [_IN_FORCE, *([f"t.id IN ({themes})"] if themes else [])]
    product_tests = [*_AS_OF, *([f"p.product_id IN ({products})"] if products else [])]
    if leaving_out:
        product_tests.append(f"p.product_id NOT IN ({leaving_out})")
    if vendor == "postgresql":
        return _postgres_select(product_tests, theme_tests, picked=bool(products))
    # Few themes: from them to their products. Otherwise from products to the themes of their category.
    narrow = "t CROSS JOIN listings_matchprojection p"
    return _SQLITE_PAIRS.format(
        columns=", ".join(f"t.{name}" for name in _NARROW),
        themes=" AND ".join(theme_tests),
        order=narrow if themes else "listings_matchprojection p CROSS JOIN t",
        conditions="\n  AND ".join([*product_tests, *_CHEAP, *_SIGNATURES, *_SQLITE_EXACT]),
    )


def _postgres_select(product_tests: list[str], theme_tests: list[str], *, picked: bool) -> str:
    pair_tests = [*_CHEAP, *_POSTGRES_EXACT]
    if picked:
        return _POSTGRES_PICKED.format(
            products=" AND ".join(product_tests),
            themes=" AND ".join(theme_tests),
            conditions="\n  AND ".join(pair_tests),
        )
    return _POSTGRES_PAIRS + "\n  AND ".join([*theme_tests, *product_tests, *pair_tests])
