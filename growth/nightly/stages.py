"""`growth.stages`: stage and phase of every shop as of a day (GRO-1, GRO-3, NGT-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from growth.guide.schema import GUIDE
from growth.models import StageStanding
from growth.models.guide import STAGE_PAYLOAD
from growth.nightly.stages_sql import stages_statement
from growth.nightly.tasks import TASKS
from portal.metrics import PLAIN
from portal.nightly.export import register_standing
from portal.nightly.plans import seller_ranges
from portal.nightly.registry import ShardContext, job
from portal.nightly.standings import add_to_new_set, new_set, stage_new_set
from portal.services.rulebooks import RulebookMissing, rulebook_for

STAGES = "growth.stages"


@job(
    STAGES,
    app="growth",
    needs=(PLAIN, TASKS),
    shards=seller_ranges,
    standings=(StageStanding,),
    rulebook_modules=(GUIDE,),
)
def stages(ctx: ShardContext) -> None:
    """Stage where the shops of a range stand by the edition in force; days before the first have none."""
    with new_set(ctx, StageStanding):
        try:
            book = rulebook_for(GUIDE, ctx.as_of)
        except RulebookMissing:
            pass
        else:
            sql, params = stages_statement(book.content, book.version, ctx.as_of, ctx.previous_day)
            add_to_new_set(ctx, StageStanding, sql, {**params, **ctx.params})
        stage_new_set(
            ctx,
            StageStanding,
            ctx.params,
            scope_sql="s.seller_id BETWEEN %(lo)s AND %(hi)s",
            keys_unique=True,
        )


# --- Export -------------------------------------------------------------------------------------


def stage_rows(as_of: date) -> Iterator[dict[str, Any]]:
    """Yield the stages as of a day by external ids."""
    rows = StageStanding.objects.as_of(as_of).values_list("seller__member_id", *STAGE_PAYLOAD)
    for seller, *payload in rows.iterator():
        yield {"seller": seller, **dict(zip(STAGE_PAYLOAD, payload, strict=True))}


register_standing("growth", "stages", stage_rows, job=STAGES)
