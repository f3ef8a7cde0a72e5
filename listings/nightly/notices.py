"""`listings.theme_notices`: sellers are told that themes in which they have matches end (K-18, NGT-5)."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from listings.models import ThemeMatch
from listings.themes.queries import THEMES_JOB
from portal import platform_time
from portal.nightly.registry import ShardContext, job
from portal.services.notices import NoticeDraft, notice_send_many

NOTICE_DAYS = (7, 1)
"""Days before a theme's last day at which sellers with matches are told."""


@job(
    "listings.theme_notices",
    app="listings",
    needs=(THEMES_JOB,),
    lasting=_("Notices sent are not sent again."),
)
def theme_notices(ctx: ShardContext) -> None:
    """Tell sellers 7 days and 1 day before a theme ends in which they have matches (K-18).

    Days are counted from the day the night belongs to (as of + 2). A night that is caught up late
    says how many days really are left, and nothing about a theme that is over.
    """
    today = max(platform_time.today(), ctx.as_of + timedelta(days=platform_time.DELAY_DAYS))
    night = ctx.as_of + timedelta(days=platform_time.DELAY_DAYS)
    endings = {night + timedelta(days=days): days for days in NOTICE_DAYS}
    rows = (
        ThemeMatch.objects.as_of(ctx.as_of)
        .filter(theme__ends_on__in=endings, theme__ends_on__gte=today)
        .order_by("theme", "seller")
        .values("theme__theme_id", "theme__title_en", "theme__title_zh", "theme__ends_on", "seller")
        .annotate(products=Count("product"))
    )
    drafts = []
    for row in rows.iterator():
        theme_id, ends_on = row["theme__theme_id"], row["theme__ends_on"]
        drafts.append(
            NoticeDraft(
                kind="theme_ending",
                key=f"theme_ending:{theme_id}:{row['seller']}:{endings[ends_on]}",
                params={
                    "theme": {"en": row["theme__title_en"], "zh": row["theme__title_zh"]},
                    "day": ends_on,
                    "products": row["products"],
                    "days": (ends_on - today).days,
                },
                link=reverse("listings:theme", args=[theme_id]),
                seller_id=row["seller"],
            )
        )
    ctx.rows_read += len(drafts)
    ctx.rows_written += notice_send_many(drafts)
