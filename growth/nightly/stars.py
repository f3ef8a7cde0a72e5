"""`growth.stars`: the predicted star of every shop as of a day (GRO-12, NGT-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from growth.models import StarStanding
from growth.models.stars import STAR_PAYLOAD
from growth.nightly.star_sql import star_statement
from growth.stars.metrics import STARS
from growth.stars.schema import STAR
from portal import platform_time
from portal.metrics import DERIVED, PLAIN
from portal.nightly import ledger
from portal.nightly.export import register_standing
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import PublishContext, ShardContext, adapt_params, job
from portal.nightly.standings import add_to_new_set, new_set, stage_new_set
from portal.services.rulebooks import RulebookMissing, rulebook_for
from portal.services.shops import STAR_FROM_UPSTREAM


def keep_predicted_star(ctx: PublishContext) -> None:
    """Let the shop's own column say the newest predicted star; upstream's is left alone."""
    if ledger.published(STARS).filter(as_of__gt=ctx.as_of).exists():
        return
    params = {"as_of": ctx.as_of, "today": platform_time.today(), "flag": STAR_FROM_UPSTREAM}
    with ctx.connection.cursor() as cursor:
        cursor.execute(PREDICTED, adapt_params(ctx.connection, params))


PREDICTED = """
UPDATE portal_seller SET predicted_star = s.star FROM growth_starstanding s
WHERE s.seller_id = portal_seller.id AND s.valid_from <= %(as_of)s AND s.valid_to >= %(as_of)s
    AND portal_seller.predicted_star <> s.star
    AND NOT EXISTS (SELECT 1 FROM portal_sellerflag f WHERE f.seller_id = portal_seller.id
        AND f.code = %(flag)s AND (f.until IS NULL OR f.until >= %(today)s))
"""


@job(
    STARS,
    app="growth",
    needs=(PLAIN, DERIVED),
    shards=seller_ranges,
    standings=(StarStanding,),
    rulebook_modules=(STAR,),
    on_publish=keep_predicted_star,
)
def stars(ctx: ShardContext) -> None:
    """Stage the stars of a range of sellers; closed shops have none (GRO-12 … GRO-14).

    The rulebook in force on the as-of day judges; days before the first one have no stars.
    """
    with new_set(ctx, StarStanding):
        try:
            rulebook = rulebook_for(STAR, ctx.as_of)
        except RulebookMissing:
            pass
        else:
            statement = star_statement(rulebook.content, rulebook.version, ctx.as_of)
            add_to_new_set(ctx, StarStanding, statement.sql, {**ctx.params, **statement.params})
        stage_new_set(
            ctx,
            StarStanding,
            ctx.params,
            scope_sql="s.seller_id BETWEEN %(lo)s AND %(hi)s",
            keys_unique=True,
        )


def star_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the predicted stars as of a day by external ids."""
    rows = StarStanding.objects.as_of(as_of).values_list("seller__member_id", *STAR_PAYLOAD)
    for seller, *payload in rows.iterator():
        yield {"seller": seller, **dict(zip(STAR_PAYLOAD, payload, strict=True))}


register_standing("growth", "stars", star_rows, job=STARS)
