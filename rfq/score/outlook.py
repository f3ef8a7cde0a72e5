"""A shop's figures under the rules before and after a change of rules (K-17).

Up to the day before new rules start, the night also counts every shop under them (`rfq.outlook`). The
two rows of one day are the comparison: same facts, two rulebooks, each with its own windows and ranks.
Once the new rules are in force, the comparison stays that of the last day before.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from portal.models import Seller
from portal.nightly.published import published_day
from portal.rule_changes import Outlook
from portal.services.rulebooks import RulebookInForce
from rfq.models import ScoreOutlook, ServiceScore
from rfq.score.reading import figures_of
from rfq.score.rules import Score, score_of

OUTLOOK = "rfq.outlook"


def outlook_of(
    seller: Seller, after: RulebookInForce, rulebooks: Iterable[RulebookInForce]
) -> Outlook[Score] | None:
    """Return what `after` changes for a shop, on the newest figures from before it starts (K-17).

    None while nothing is counted, and for rules without a predecessor. Three queries.
    """
    day = published_day(OUTLOOK, after.effective_from - timedelta(days=1))
    if day is None:
        return None
    row_after = ScoreOutlook.objects.as_of(day).filter(seller=seller).first()
    row_before = ServiceScore.objects.as_of(day).filter(seller=seller).first()
    if row_after is None or row_before is None or row_after.rulebook != after.version:
        return None
    before = next(book for book in rulebooks if book.version == row_before.rulebook)
    return Outlook(
        as_of=day,
        before=before,
        after=after,
        figures_before=score_of(before.content, figures_of(row_before, before, seller, {})),
        figures_after=score_of(after.content, figures_of(row_after, after, seller, {})),
    )
