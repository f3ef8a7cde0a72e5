"""Being enrolled, as a metric and as a field of audiences (GRO-17)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from growth.choices import ProgrammeKind
from growth.models import Enrolment, Programme
from growth.programmes.schema import ENROLLED_IN
from portal.audience import AudienceField, FieldType, Values, register_audience_field
from portal.metrics import Query, metric_family
from portal.models import Seller

ENROLLED = "growth.enrolled."


def member_on(day: date) -> Q:
    """Return the condition for enrolments that hold on a Pacific day, whatever became of them since."""
    return Q(since__lte=day) & (Q(until__isnull=True) | Q(until__gte=day))


def _title(code: str) -> str:
    programme = Programme.objects.filter(code=code).first()
    return _("Enrolled: %(programme)s") % {"programme": programme.title if programme else code}


@metric_family(ENROLLED, title=_title)
def enrolled(as_of: date) -> Query:
    """1 for every programme a shop is enrolled in at the end of the day (GRO-17)."""
    return Query(
        "SELECT DISTINCT e.seller_id, "
        f"CAST('{ENROLLED}' || p.code AS VARCHAR(80)) AS metric, 1 AS value "
        "FROM growth_enrolment e JOIN growth_programme p ON p.id = e.programme_id "
        "WHERE {sellers} AND e.since <= %(as_of)s AND (e.until IS NULL OR e.until >= %(as_of)s)",
        {"as_of": as_of},
    )


def programmes_of_kind(kind: ProgrammeKind, as_of: date) -> Query:
    """Distinct programmes of a kind that a shop is enrolled in at the end of the day."""
    return Query(
        "SELECT e.seller_id, COUNT(DISTINCT e.programme_id) AS value FROM growth_enrolment e "
        "JOIN growth_programme p ON p.id = e.programme_id AND p.kind = %(kind)s "
        "WHERE {sellers} AND e.since <= %(as_of)s AND (e.until IS NULL OR e.until >= %(as_of)s) "
        "GROUP BY e.seller_id",
        {"as_of": as_of, "kind": kind.value},
    )


# --- Audiences ----------------------------------------------------------------------------------


def _load(sellers: QuerySet[Seller], day: date) -> Values:
    found: dict[int, set[str]] = {pk: set() for pk in sellers.values_list("pk", flat=True)}
    rows = Enrolment.objects.filter(member_on(day), seller__in=sellers.order_by().values("pk"))
    for seller_id, code in rows.order_by().values_list("seller_id", "programme__code"):
        found[seller_id].add(code)
    return found


def _codes() -> Iterable[str]:
    return Programme.objects.values_list("code", flat=True)


def _names(codes: Collection[str]) -> Mapping[str, Any]:
    return {each.code: each.title for each in Programme.objects.filter(code__in=codes)}


register_audience_field(
    AudienceField(
        ENROLLED_IN,
        FieldType.MANY,
        _load,
        _codes,
        # Translators: 已报名
        gettext_lazy("Enrolled in"),
        _names,
    )
)
