"""Stage and phase as fields of audiences: bulletins, packs and programmes may ask for them (K-17)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from growth.choices import Phase, Stage
from portal.audience import AudienceField, FieldType, Values, register_audience_field
from portal.models import Seller
from portal.nightly.published import published_day


def _standing(column: str) -> Any:
    """Return what reads a column of the stages on the newest published day up to a day."""

    def load(sellers: QuerySet[Seller], day: date) -> Values:
        from growth.models import StageStanding
        from growth.nightly.stages import STAGES

        counted = published_day(STAGES, day)
        if counted is None:
            return {}
        rows = StageStanding.objects.as_of(counted).filter(
            seller__in=sellers.order_by().values("pk")
        )
        return dict(rows.values_list("seller_id", column))

    return load


def _labels(choices: Any) -> Any:
    def names(codes: Collection[str]) -> Mapping[str, Any]:
        return dict(choices.choices)

    return names


register_audience_field(
    AudienceField(
        "stage",
        FieldType.TEXT,
        _standing("stage"),
        lambda: Stage.values,
        # Translators: 成长阶段
        _("Stage of the growth guide"),
        _labels(Stage),
    )
)
register_audience_field(
    AudienceField(
        "phase",
        FieldType.TEXT,
        _standing("phase"),
        lambda: Phase.values,
        _("Phase of the first 90 days"),
        _labels(Phase),
    )
)
