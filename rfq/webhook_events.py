"""What RFQ tells the webhooks of shops (API-1, RFQ-12, RFQ-18)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.services.webhook_events import (
    WebhookDraft,
    api_address,
    webhook_publish,
    webhook_wanted_by,
)
from portal.webhooks.events import register_webhook_event
from rfq.models import Assessment, Quote, Rfq

QUOTE_REPLIED = "quote.replied"
SCORE_ASSESSED = "score.assessed"

register_webhook_event(
    QUOTE_REPLIED,
    # Translators: 买家回复报价
    label=_("Quote replied"),
    about=_("A buyer replied to a quote for the first time."),
    example={
        "rfq": "R-20220719-0042",
        "submitted_at": "2022-07-19T09:30:00-07:00",
        "replied_at": "2022-07-20T02:15:00-07:00",
        "url": "https://portal.example.com/api/v1/rfq/quotes/12",
    },
)
register_webhook_event(
    SCORE_ASSESSED,
    # Translators: 服务分评定
    label=_("Score assessed"),
    about=_("The service score of a month was fixed; it decides the rights of the next."),
    example={
        "month": "2022-07",
        "as_of": "2022-07-31",
        "score": 78,
        "rulebook": "2022-07",
        "rights": {"quote": 50, "gold": 8, "fast_lane": 5, "pin": None},
        "early_access": True,
        "url": "https://portal.example.com/api/v1/rfq/score/history",
    },
)


def quotes_replied_publish(quotes: Iterable[Quote], rfqs: Mapping[int, Rfq]) -> int:
    """Tell endpoints of first replies; `rfqs` has the RFQ of each quote by key.

    Only for shops that want to hear of it is anything made. Call it unscoped.
    """
    wanted = set(webhook_wanted_by(QUOTE_REPLIED).values_list("endpoint__seller_id", flat=True))
    return webhook_publish(
        WebhookDraft(
            type=QUOTE_REPLIED,
            key=f"{QUOTE_REPLIED}:{quote.pk}",
            seller_id=quote.seller_id,
            occurred_at=quote.replied_at,
            data={
                "rfq": rfqs[quote.rfq_id].rfq_id,
                "submitted_at": quote.submitted_at,
                "replied_at": quote.replied_at,
                "url": api_address(reverse("api:rfq:quote", args=[quote.pk])),
            },
        )
        for quote in quotes
        if quote.seller_id in wanted and quote.replied_at is not None
    )


def scores_assessed_publish(month_end: date, fixed_at: datetime, sellers: Q) -> int:
    """Tell endpoints of the assessments of a month's end that were written at an instant.

    Only those of shops that want to hear of it are read at all. Call it unscoped.
    """
    url = api_address(reverse("api:rfq:score-history"))
    assessed = Assessment.objects.filter(
        sellers, as_of=month_end, fixed_at=fixed_at, seller__in=webhook_wanted_by(SCORE_ASSESSED)
    ).order_by("seller_id")
    return webhook_publish(
        WebhookDraft(
            type=SCORE_ASSESSED,
            key=f"{SCORE_ASSESSED}:{month_end:%Y-%m}",
            seller_id=one.seller_id,
            occurred_at=fixed_at,
            data={
                "month": f"{month_end:%Y-%m}",
                "as_of": month_end,
                "score": one.total,
                "rulebook": one.rulebook,
                "rights": one.rights(),
                "early_access": one.early_access,
                "url": url,
            },
        )
        for one in assessed.iterator()
    )
