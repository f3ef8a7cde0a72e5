"""What growth tells the webhooks of shops (API-1, GRO-12)."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from growth.models import StarAssessment
from portal.services.webhook_events import (
    WebhookDraft,
    api_address,
    webhook_publish,
    webhook_wanted_by,
)
from portal.webhooks.events import register_webhook_event

STAR_ASSESSED = "star.assessed"

register_webhook_event(
    STAR_ASSESSED,
    # Translators: 星等级评定
    label=_("Star assessed"),
    about=_("The shop's star of a month was fixed."),
    example={
        "month": "2022-08",
        "as_of": "2022-08-03",
        "star": 3,
        "rulebook": "2022-03",
        "awaits_core_tasks": False,
        "url": "https://portal.example.com/api/v1/growth/star/history",
    },
)


def stars_assessed_publish(assessed: QuerySet[StarAssessment]) -> int:
    """Tell endpoints of assessments; only those of shops that want to hear of it are read at all."""
    url = api_address(reverse("api:growth:star-history"))
    return webhook_publish(
        WebhookDraft(
            type=STAR_ASSESSED,
            key=f"{STAR_ASSESSED}:{one.month:%Y-%m}",
            seller_id=one.seller_id,
            occurred_at=one.fixed_at,
            data={
                "month": f"{one.month:%Y-%m}",
                "as_of": one.as_of,
                "star": one.star,
                "rulebook": one.rulebook,
                "awaits_core_tasks": one.awaits_core_tasks,
                "url": url,
            },
        )
        for one in assessed.filter(seller__in=webhook_wanted_by(STAR_ASSESSED)).iterator()
    )
