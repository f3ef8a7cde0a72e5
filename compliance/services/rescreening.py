"""Live products are screened again when terms change or a day begins that changes them (CMP-3).

A `Rescreening` is a row that knows how far it came. A chunk, its hits and the new cursor are one
transaction: a killed worker leaves nothing half done, and whoever comes next goes on.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import Count, F, Q
from django.urls import reverse

from compliance.matching.library import MARKS
from compliance.models import GatedProduct, ProductHit, ProtectedMark, Rescreening, RuleClass
from compliance.services.gated_products import product_source
from compliance.services.mark_cases import products_to_look_at_again
from compliance.services.screening import products_screened
from portal import platform_time
from portal.queueing import enqueue_on_commit
from portal.scoping import unscoped
from portal.services.notices import NoticeDraft, notice_send_many

logger = logging.getLogger(__name__)

CHUNK = 500
"""Products per transaction: other writers wait for no longer."""
LOOK_BACK = timedelta(days=31)
"""Days whose terms begin or end are looked for so far back."""


def rescreening_ask(*, key: str, rule_class: RuleClass | None = None) -> Rescreening:
    """Have all live products screened again, once per cause; in the caller's transaction."""
    from compliance.tasks import rescreen

    asked, created = Rescreening.objects.get_or_create(
        key=key, defaults={"rule_class": rule_class, "asked_at": platform_time.now()}
    )
    if created:
        enqueue_on_commit(rescreen)
    return asked


def rescreening_ask_for(rule_class: RuleClass) -> Rescreening | None:
    """Ask for a round after a change of a published class that holds today; none otherwise."""
    if not rule_class.in_force(platform_time.today()) and not _has_hits(rule_class):
        return None
    return rescreening_ask(
        key=f"class:{rule_class.code}:{rule_class.version}", rule_class=rule_class
    )


def _has_hits(rule_class: RuleClass) -> bool:
    with unscoped():
        return ProductHit.objects.filter(rule_class=rule_class).exists()


def rescreen_days_begun(*, today: date) -> int:
    """Ask for a round for each recent day on which terms came into force or ceased; return how many."""
    known = set(Rescreening.objects.filter(key__startswith="day:").values_list("key", flat=True))
    days = [day for day in _days_of_change(today) if f"day:{day}" not in known]
    if days:
        rescreening_ask(key=f"day:{max(days)}")
    return len(days)


def _days_of_change(today: date) -> set[date]:
    earliest = today - LOOK_BACK
    days: set[date] = set()
    classes = RuleClass.objects.filter(published_at__isnull=False)
    for starts_on, ends_on, published_at in classes.values_list(
        "starts_on", "ends_on", "published_at"
    ):
        if published_at is None:
            continue
        published_on = platform_time.day_of(published_at)
        changes = {starts_on, *([ends_on + timedelta(days=1)] if ends_on else [])}
        # What had begun when it was published was screened for then.
        days |= {day for day in changes if max(earliest, published_on) < day <= today}
    if classes.filter(code=MARKS).exists():
        marks = ProtectedMark.objects.filter(active=True, starts_on__gt=earliest)
        days |= set(marks.filter(starts_on__lte=today).values_list("starts_on", flat=True))
    return days


def rescreen_all(*, until: datetime | None = None) -> int:
    """Go on with the rounds that wait, oldest first, until they are done; return products screened.

    `until` (wall clock) stops it after the chunk in hand. Products whose proof of a mark has ended are
    looked at along with it.
    """
    again = products_to_look_at_again(now=platform_time.now())
    if again:
        with transaction.atomic():
            products_screened(product_source().texts(again))
    screened = 0
    while True:
        waiting = Rescreening.objects.filter(finished_at__isnull=True)
        round_ = waiting.order_by("asked_at", "pk").first()
        if round_ is None or (until is not None and platform_time.wall_clock() >= until):
            return screened
        try:
            screened += rescreen_chunk(round_)
        except OperationalError as error:
            # Somebody writes these products; the next call goes on here.
            logger.warning("screening round %s waits: %s", round_.key, error)
            return screened


def rescreen_chunk(round_: Rescreening) -> int:
    """Screen the next products of a round and move its cursor; return how many there were.

    The rows of the products are taken without waiting, so that no writer and no round wait for each
    other. A round whose cursor somebody else has moved is left to them.
    """
    with unscoped(), transaction.atomic():
        live = GatedProduct.objects.filter(live=True, deleted=False, pk__gt=round_.cursor)
        rows = live.select_for_update(nowait=True).order_by("pk").values_list("pk", "product_id")
        found = list(rows[:CHUNK])
        moved = Rescreening.objects.filter(
            pk=round_.pk, cursor=round_.cursor, finished_at__isnull=True
        )
        if not found:
            if moved.update(finished_at=platform_time.now()):
                round_.refresh_from_db()
                _tell(round_)
            return 0
        if not moved.update(cursor=found[-1][0], products=F("products") + len(found)):
            return 0
        hits = products_screened(product_source().texts([name for _pk, name in found]))
        Rescreening.objects.filter(pk=round_.pk).update(hits=F("hits") + hits)
        return len(found)


def _tell(round_: Rescreening) -> None:
    """Tell the shops whose live products a newly published class hits, once per class and version."""
    rule_class = round_.rule_class
    if rule_class is None or not rule_class.in_force(platform_time.today()):
        return
    counts = (
        ProductHit.objects.filter(rule_class=rule_class)
        .filter(Q(product__live=True), product__deleted=False)
        .order_by()
        .values_list("product__seller")
        .annotate(products=Count("product", distinct=True))
    )
    names = {"en": rule_class.name_en, "zh": rule_class.name_zh}
    notice_send_many(
        NoticeDraft(
            kind="screening_hits",
            key=f"screening_hits:{round_.key}:{seller_id}",
            params={"rule_class": names, "count": products},
            link=f"{reverse('compliance:words')}?rule_class={rule_class.code}",
            seller_id=seller_id,
        )
        for seller_id, products in counts
    )
