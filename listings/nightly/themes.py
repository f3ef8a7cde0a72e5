"""`listings.themes`: which products match which themes as of a day (LST-8, NGT-7).

A night looks at everything, or only at what changed since the newest published day. It looks at
everything for the first day, for a day older than a published one, and after the category tree or
the matcher itself changed. What changed are the products and themes in `MatchTouch`, the products
one of whose projections began between the ends of the two days, and the themes that opened or closed
between them: the matches of everything else are what they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import blake2b
from itertools import pairwise
from typing import Any

from django.db.models import Max, Min

from listings.matching.sql import match_select
from listings.matching.text import MATCHER_VERSION
from listings.models import MatchTouch, Product, ThemeMatch
from listings.themes.queries import THEMES_JOB
from portal import platform_time
from portal.choices import RunState
from portal.models import CategoryClosure, ShardRun
from portal.nightly import ledger
from portal.nightly.export import register_standing
from portal.nightly.night_sql import looked_up
from portal.nightly.plans import HIGHEST_KEY
from portal.nightly.registry import Params, PublishContext, ShardContext, job
from portal.nightly.standings import stage_differences
from portal.scoping import unscoped

PRODUCTS_PER_SHARD = 250_000
"""Every shard joins all themes with the category tree again, so shards are large."""


def plan_themes(as_of: date, shards: int | None = None) -> list[Params]:
    """Cut products into ranges, and mark the touches that this plan is going to see.

    All of them are committed, so every shard sees the writes they speak of; a touch that a failed
    plan had marked is taken over. `catalogue` tells a later night whether the tree or the matcher
    has changed since.
    """
    plan = int(platform_time.wall_clock().timestamp() * 1_000_000)
    MatchTouch.objects.update(plan=plan)
    common = {"touches": plan, "catalogue": _catalogue_version()}
    return [{**part, **common} for part in _product_ranges(shards)]


def _product_ranges(shards: int | None) -> list[Params]:
    """Cut product keys into ranges of one width, closed; together they hold every key.

    Keys are handed out one by one, so that equal widths are nearly equal work, and finding them does
    not read the table as counting would: on a night of few changes that would be most of the work.
    """
    with unscoped():
        ends = Product.objects.aggregate(first=Min("pk"), last=Max("pk"))
    first, last = ends["first"] or 1, ends["last"] or 1
    number = shards or -(-(last - first + 1) // PRODUCTS_PER_SHARD)
    width = max(1, -(-(last - first + 1) // number))
    starts = [0, *range(first + width, last + 1, width)]
    return [
        {"lo": start, "hi": following - 1}
        for start, following in pairwise([*starts, HIGHEST_KEY + 1])
    ]


def _catalogue_version() -> str:
    """Return a fingerprint of everything global that decides matches."""
    digest = blake2b(f"{MATCHER_VERSION}".encode(), digest_size=8)
    pairs = CategoryClosure.objects.order_by("ancestor", "descendant")
    for ancestor, descendant in pairs.values_list("ancestor", "descendant").iterator():
        digest.update(b"%d>%d;" % (ancestor, descendant))
    return digest.hexdigest()


def forget_touches(ctx: PublishContext) -> None:
    """Delete the touches that the published shards have seen.

    Not when a newer day is published: that day's matches still rest on the old state.
    """
    if ledger.published(THEMES_JOB).filter(as_of__gt=ctx.as_of).exists():
        return
    shard = ctx.job_run.shards.order_by("index").first()
    if shard is not None:
        MatchTouch.objects.filter(plan=shard.params["touches"]).delete()


@job(
    THEMES_JOB,
    app="listings",
    shards=plan_themes,
    standings=(ThemeMatch,),
    on_publish=forget_touches,
)
def themes(ctx: ShardContext) -> None:
    """Stage which products match which themes as of the day, for one range of products (LST-8)."""
    values: dict[str, Any] = {
        "lo": ctx.params["lo"],
        "hi": ctx.params["hi"],
        "day": ctx.as_of,
        "moment": platform_time.end_of(ctx.as_of),
    }
    since = _unchanged_since(ctx)
    if since is None:
        select, scope, held = match_select(ctx.connection.vendor), IN_SHARD, ""
    else:
        select, scope, held = _changed_only(ctx, values, since)
    stage_differences(
        ctx, ThemeMatch, select, values, scope_sql=scope, held_sql=held, keys_unique=True
    )


def _unchanged_since(ctx: ShardContext) -> date | None:
    """Return the published day whose matches can be built on, or none when all has to be looked at."""
    if not ctx.is_newest:
        return None
    base = (
        ShardRun.objects.filter(
            job_run__job=THEMES_JOB, job_run__state=RunState.COMPLETE, job_run__as_of__lte=ctx.as_of
        )
        .order_by("-job_run__as_of", "-job_run__published_at", "index")
        .values("job_run__as_of", "params")
        .first()
    )
    if base is None or base["params"].get("catalogue") != ctx.params["catalogue"]:
        return None
    return base["job_run__as_of"]


def _changed_only(ctx: ShardContext, values: dict[str, Any], since: date) -> tuple[str, str, str]:
    """Collect the products and themes that may match otherwise than on `since`.

    Returns the select of their matches, the scope in which they are all there is, and a table of the
    matches held there. Only pairs of a changed product with any theme, or of a changed theme with any
    product, can differ.
    """
    values |= {"since": since, "since_moment": platform_time.end_of(since)}
    for table in ("night_products", "night_themes"):
        ctx.execute(f"DROP TABLE IF EXISTS {table}")
        ctx.execute(f"CREATE TEMPORARY TABLE {table} (id bigint PRIMARY KEY)")
    ctx.execute(CHANGED_PRODUCTS, values)
    ctx.execute(CHANGED_THEMES, values)
    if ctx.is_postgres:
        ctx.execute("ANALYZE night_products")
        ctx.execute("ANALYZE night_themes")
    vendor = ctx.connection.vendor
    ctx.execute("DROP TABLE IF EXISTS night_matches")
    ctx.execute(_held_matches(vendor), values)
    if ctx.is_postgres:
        ctx.execute("ANALYZE night_matches")
    else:
        ctx.execute("CREATE INDEX temp.night_matches_key ON night_matches (product_id, theme_id)")
    products, themes = "SELECT id FROM night_products", "SELECT id FROM night_themes"
    # The matches of changed products are in the first part, whichever theme they are of.
    select = (
        f"{match_select(vendor, products=products)} UNION ALL "
        f"{match_select(vendor, themes=themes, leaving_out=products)}"
    )
    scope = f"{IN_SHARD} AND (s.product_id IN ({products}) OR s.theme_id IN ({themes}))"
    return select, scope, "night_matches"


IN_SHARD = "s.product_id BETWEEN %(lo)s AND %(hi)s"
_AS_OF = "s.valid_from <= %(day)s AND s.valid_to >= %(day)s"
_HELD = "SELECT s.product_id, s.theme_id, s.seller_id, s.valid_from, s.valid_to"


def _held_matches(vendor: str) -> str:
    """Return the statement that collects, once, what holds of the changed products and themes."""
    matches = ThemeMatch._meta.db_table
    of_products = looked_up(vendor, matches, "s", f"s.product_id = q.id AND {_AS_OF}")
    of_themes = looked_up(vendor, matches, "s", f"s.theme_id = q.id AND {_AS_OF} AND {IN_SHARD}")
    return f"""
CREATE TEMPORARY TABLE night_matches AS
{_HELD} FROM night_products q {of_products}
UNION ALL
{_HELD} FROM night_themes q {of_themes}
WHERE s.product_id NOT IN (SELECT id FROM night_products)
"""


CHANGED_PRODUCTS = """
INSERT INTO night_products (id)
SELECT product_id FROM listings_matchtouch WHERE product_id BETWEEN %(lo)s AND %(hi)s
UNION
SELECT product_id FROM listings_matchprojection
WHERE valid_from >= %(since_moment)s AND valid_from < %(moment)s
  AND product_id BETWEEN %(lo)s AND %(hi)s
"""

CHANGED_THEMES = """
INSERT INTO night_themes (id)
SELECT theme_id FROM listings_matchtouch WHERE theme_id IS NOT NULL
UNION
SELECT id FROM listings_theme
WHERE (starts_on > %(since)s AND starts_on <= %(day)s)
   OR (ends_on >= %(since)s AND ends_on < %(day)s)
"""


# --- Export -------------------------------------------------------------------------------------


def match_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the matches as of a day by external ids; `since` is the first day of the unbroken run."""
    rows = ThemeMatch.objects.as_of(as_of).values_list(
        "theme__theme_id", "product__product_id", "seller__member_id", "valid_from"
    )
    for theme, product, seller, since in rows.iterator():
        yield {"theme": theme, "product": product, "seller": seller, "since": since}


register_standing("listings", "matches", match_rows, job=THEMES_JOB)
