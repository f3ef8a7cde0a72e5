"""`rfq.outlook`: every seller's figures under the rulebook that comes next, while one is announced (K-17).

The statement is the score's own, with the windows, hours and tables of the other rulebook.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from portal.nightly.export import register_standing
from portal.nightly.registry import ShardContext, job
from portal.nightly.standings import add_to_new_set, new_set, stage_new_set
from portal.rule_changes import rulebook_to_come
from portal.services.rulebooks import rulebooks_published
from rfq.models import ScoreOutlook
from rfq.models.scores import SCORE_PAYLOAD
from rfq.nightly.score import plan_industries
from rfq.nightly.score_sql import score_statement
from rfq.score.outlook import OUTLOOK
from rfq.score.schema import SCORE


@job(OUTLOOK, app="rfq", shards=plan_industries, standings=(ScoreOutlook,))
def outlook(ctx: ShardContext) -> None:
    """Stage what the announced rulebook makes of a group of industries; nothing without one."""
    with new_set(ctx, ScoreOutlook):
        rulebook = rulebook_to_come(rulebooks_published(SCORE), ctx.as_of)
        if rulebook is not None:
            statement = score_statement(rulebook.content, rulebook.version, ctx.as_of)
            add_to_new_set(ctx, ScoreOutlook, statement.sql, {**ctx.params, **statement.params})
        mine = "(SELECT id FROM portal_seller WHERE industry_id BETWEEN %(lo)s AND %(hi)s)"
        stage_new_set(
            ctx,
            ScoreOutlook,
            ctx.params,
            scope_sql=f"s.seller_id IN {mine}",
            keys_unique=True,
        )


def outlook_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the outlooks as of a day by external ids."""
    rows = ScoreOutlook.objects.as_of(as_of).values_list("seller__member_id", *SCORE_PAYLOAD)
    for seller, *payload in rows.iterator():
        yield {"seller": seller, **dict(zip(SCORE_PAYLOAD, payload, strict=True))}


register_standing("rfq", "outlook", outlook_rows, job=OUTLOOK)
