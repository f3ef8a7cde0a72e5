"""What the night does about enrolments: what is over ends, what is automatic begins (GRO-17, GRO-18).

Everything is about today and is done once, however often the night runs. Sets of shops are worked on
by a constant number of statements for each thousand of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from itertools import islice
from operator import and_, or_
from typing import Any, TypeVar

from django.db.models import Q, QuerySet

from growth.choices import OPEN_ENROLMENTS, EnrolmentState, RenewalStatus
from growth.models import Enrolment, EnrolmentEvent, EnrolmentRenewal, Programme
from growth.packs.rules import months_after
from growth.programmes.metrics import member_on
from growth.programmes.reading import (
    CONDITIONS_ENDED,
    PREREQUISITE_ENDED,
    STEP_MISSED,
    content_of,
    reason_texts,
)
from growth.programmes.rules import (
    WindowState,
    next_step,
    renewal_from,
    step_due_at,
    window_on,
)
from growth.programmes.schema import Criterion
from growth.services.enrolment_moves import (
    enrolment_notice,
    last_day_before,
    membership,
    renewals_close,
)
from portal import platform_time
from portal.audience import sellers_concerned
from portal.bilingual import in_both
from portal.choices import SellerStatus
from portal.models import Seller, SellerFlag
from portal.services import audit
from portal.services.notices import notice_send_many

BATCH = 1_000
TOLD_BEFORE = timedelta(days=7)
"""How long before the last day a shop is told, besides when renewing becomes possible."""
SHORT = timedelta(days=14)
"""Memberships no longer than this end without a warning."""
Row = TypeVar("Row")


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield rows a thousand at a time."""
    left = iter(rows)
    while some := list(islice(left, BATCH)):
        yield some


def enrolments_expire(*, now: datetime) -> int:
    """End what is past its last day; what waits for the answer to a renewal waits on (GRO-18)."""
    today = platform_time.day_of(now)
    waiting = EnrolmentRenewal.objects.filter(status=RenewalStatus.OPEN).values("enrolment")
    over = Enrolment.objects.filter(state=EnrolmentState.ACTIVE, until__lt=today)
    ended = _by_last_day(_locked(over.exclude(pk__in=waiting)), now)
    return sum(
        _end(rows, until=until, ended_at=platform_time.end_of(until)) for until, rows in ended
    )


def steps_missed_end(*, now: datetime) -> int:
    """End enrolments whose next step was to be done by now or not at all (GRO-18)."""
    programmes = [
        each
        for each in Programme.objects.all()
        if any(step.ends for step in content_of(each).steps)
    ]
    steps = {each.pk: content_of(each).steps for each in programmes}
    missed = []
    held = Enrolment.objects.filter(
        programme__in=programmes, state=EnrolmentState.ACTIVE, step_at__isnull=False
    )
    for enrolment in _locked(held):
        due = next_step(steps[enrolment.programme_id], enrolment.step)
        if due is None or not due.ends or enrolment.step_at is None:
            continue
        due_at = step_due_at(due, enrolment.step_at)
        if due_at is not None and due_at <= now:
            missed.append(enrolment)
    return _end_today(missed, now, STEP_MISSED)


def dependents_expire(*, now: datetime) -> int:
    """End what needs a prerequisite that is gone, also when that ended tonight (GRO-18).

    Memberships end and applications are refused; who enrols again may apply again.
    """
    today = platform_time.day_of(now)
    ended = 0
    for programme in Programme.objects.order_by("position", "code"):
        for code in content_of(programme).prerequisites:
            has_it = Enrolment.objects.filter(
                member_on(today), programme__code=code, state=EnrolmentState.ACTIVE
            )
            lost = _locked(
                Enrolment.objects.filter(programme=programme, state__in=OPEN_ENROLMENTS).exclude(
                    seller__in=has_it.values("seller")
                )
            )
            held = [one for one in lost if one.state == EnrolmentState.ACTIVE]
            asked = [one for one in lost if one.state != EnrolmentState.ACTIVE]
            ended += _end_today(held, now, PREREQUISITE_ENDED) + _refuse(asked, now)
    # What ended now may have been built on in its turn.
    return ended + dependents_expire(now=now) if ended else 0


# --- Automatic ----------------------------------------------------------------------------------


def automatic_follow(*, now: datetime) -> int:
    """Enrol the shops that fulfil automatic conditions, and end it for those that do no longer.

    Who left or was removed is not brought back; they may apply. Returns how many began or ended.
    """
    today = platform_time.day_of(now)
    changed = 0
    for programme in Programme.objects.filter(published=True).order_by("position", "code"):
        content = content_of(programme)
        routes = [route for route in content.routes if route.automatic]
        if not routes:
            continue
        fitting = {
            route.key: shops_meeting([*content.audience, *route.audience], day=today)
            for route in routes
        }
        if window_on(content.windows, today, until=content.term.until).state == WindowState.OPEN:
            changed += _begin(programme, fitting, now)
        held = Enrolment.objects.filter(
            programme=programme, state=EnrolmentState.ACTIVE, automatic=True
        )
        fits = set().union(*fitting.values())
        lost = [one for one in _locked(held) if one.seller_id not in fits]
        changed += _end_today(lost, now, CONDITIONS_ENDED)
    return changed


def shops_meeting(criteria: Sequence[Criterion], *, day: date) -> set[int]:
    """Return the primary keys of the shops, none of them closed, that meet all criteria on a day."""
    trading = Seller.objects.exclude(status=SellerStatus.CLOSED)
    conditions: list[list[Mapping[str, Any]]] = [[]]
    conditions += [[one.as_audience()] for each in criteria for one in each.conditions]
    everybody, *found = sellers_concerned(conditions, trading, day=day)
    sets = iter(found)
    for criterion in criteria:
        held = [next(sets) for _condition in criterion.conditions]
        everybody &= reduce(and_ if criterion.need == "all" else or_, held)
    return everybody


def _begin(programme: Programme, fitting: dict[str, set[int]], now: datetime) -> int:
    fields = membership(content_of(programme), now)
    out = Enrolment.objects.filter(programme=programme).filter(
        Q(state__in=OPEN_ENROLMENTS) | Q(state__in=(EnrolmentState.LEFT, EnrolmentState.REMOVED))
    )
    known = set(out.values_list("seller_id", flat=True))
    new = {}
    for key, shops in fitting.items():
        for shop in shops - known:
            new.setdefault(shop, key)
    for some in _batches(sorted(new)):
        Enrolment.objects.bulk_create(
            (
                Enrolment(
                    programme=programme,
                    seller_id=shop,
                    state=EnrolmentState.ACTIVE,
                    route=new[shop],
                    automatic=True,
                    applied_at=now,
                    **fields,
                )
                for shop in some
            ),
            ignore_conflicts=True,
        )
        # A shop that applied at this moment has its own event.
        made = Enrolment.objects.filter(
            programme=programme, seller__in=some, automatic=True, applied_at=now, events=None
        )
        _write_down(list(made.prefetch_related("programme")), now, before="", actor_action="begin")
    return len(new)


# --- Ending -------------------------------------------------------------------------------------


def _locked(rows: QuerySet[Enrolment]) -> list[Enrolment]:
    # Enrolments share the object of their programme, whose content is parsed once per object.
    locked = rows.select_for_update(of=("self",), no_key=True).order_by("pk")
    return list(locked.prefetch_related("programme"))


def _end_today(rows: Sequence[Enrolment], now: datetime, code: str) -> int:
    """End memberships now: the last day that counts is the day before, or their own if that is past."""
    return sum(
        _end(some, until=until, ended_at=now, reason_code=code)
        for until, some in _by_last_day(rows, now)
    )


def _by_last_day(rows: Iterable[Enrolment], now: datetime) -> list[tuple[date, list[Enrolment]]]:
    """Return memberships that end now by the last day that counts, in order."""
    by_day: dict[date, list[Enrolment]] = defaultdict(list)
    for one in rows:
        last = last_day_before(one, now)
        if last is not None:
            by_day[last].append(one)
    return sorted(by_day.items())


def _end(
    rows: Sequence[Enrolment], *, until: date, ended_at: datetime, reason_code: str = ""
) -> int:
    now = platform_time.now()
    for some in _batches(rows):
        keys = [one.pk for one in some]
        Enrolment.objects.filter(pk__in=keys, state=EnrolmentState.ACTIVE).update(
            state=EnrolmentState.EXPIRED,
            until=until,
            ended_at=ended_at,
            reason_code=reason_code,
        )
        for one in some:
            one.state, one.until = EnrolmentState.EXPIRED, until
            one.reason_code = reason_code
        renewals_close(keys, now=now)
        _flags_end(some, until)
        _write_down(some, now, before=EnrolmentState.ACTIVE.value, actor_action="end")
        if reason_code:
            _tell_ended(some)
    return len(rows)


def _refuse(rows: Sequence[Enrolment], now: datetime) -> int:
    """Refuse applications whose prerequisite is gone, and tell the shops."""
    for before in (EnrolmentState.APPLIED, EnrolmentState.IN_REVIEW):
        for some in _batches(one for one in rows if one.state == before):
            Enrolment.objects.filter(pk__in=[one.pk for one in some], state=before).update(
                state=EnrolmentState.REFUSED, ended_at=now, reason_code=PREREQUISITE_ENDED
            )
            for one in some:
                one.state, one.reason_code = EnrolmentState.REFUSED, PREREQUISITE_ENDED
            _write_down(some, now, before=before.value, actor_action="end")
            notice_send_many(
                enrolment_notice(
                    one,
                    "enrolment_decided",
                    one.state,
                    decision=in_both(one.get_state_display),
                    reason=reason_texts(one),
                )
                for one in some
            )
    return len(rows)


def _flags_end(rows: Iterable[Enrolment], until: date) -> None:
    """Let flags end with the memberships they stand for, unless another one of the shop bears the same."""
    by_flag: dict[str, list[int]] = defaultdict(list)
    for one in rows:
        flag = content_of(one.programme).flag
        if flag:
            by_flag[flag].append(one.seller_id)
    for code, sellers in by_flag.items():
        others = Enrolment.objects.filter(
            programme__content__flag=code, state=EnrolmentState.ACTIVE, seller__in=sellers
        )
        flags = SellerFlag.objects.filter(code=code, seller__in=sellers).exclude(
            seller__in=others.values("seller")
        )
        flags.filter(since__gt=until).delete()
        flags.filter(Q(until__isnull=True) | Q(until__gt=until)).update(until=until)


def _write_down(
    rows: Sequence[Enrolment], now: datetime, *, before: str, actor_action: str
) -> None:
    EnrolmentEvent.objects.bulk_create(
        EnrolmentEvent(enrolment=one, at=now, state=one.state, step=one.step) for one in rows
    )
    audit.record_many(
        audit.entry(
            action=f"enrolment.{actor_action}",
            actor=None,
            obj=one,
            before={"state": before},
            after={"state": str(one.state), "reason_code": one.reason_code},
            programme=one.programme.code,
        )
        for one in rows
    )


# --- Telling ------------------------------------------------------------------------------------


def _tell_ended(rows: Sequence[Enrolment]) -> None:
    notice_send_many(
        enrolment_notice(one, "enrolment_removed", "ended", reason=reason_texts(one))
        for one in rows
    )


def ending_tell(*, now: datetime) -> int:
    """Tell owners when renewing becomes possible, and a week before the last day; each once (K-18)."""
    today = platform_time.day_of(now)
    told = 0
    held = Enrolment.objects.filter(
        _perhaps_due(today), state=EnrolmentState.ACTIVE, until__gte=today, since__isnull=False
    ).prefetch_related("programme")
    for some in _batches(held.order_by("pk").iterator(chunk_size=BATCH)):
        told += notice_send_many(
            enrolment_notice(
                one,
                "enrolment_ending",
                f"{one.until}:{key}",
                day=one.until,
                days=(one.until - today).days if one.until else 0,
            )
            for one in some
            for key in _warnings(one, today)
        )
    return told


def _perhaps_due(today: date) -> Q:
    """Return a condition that leaves out most enrolments without a warning; `_warnings` decides."""
    due = Q(until__lte=today + TOLD_BEFORE)
    for programme in Programme.objects.all():
        rule = content_of(programme).renewal
        if rule is not None:
            # Months have 28 days and more, so that the day that many months on may be some days early.
            until = months_after(today, rule.months_before) + timedelta(days=3)
            due |= Q(programme=programme, until__lte=until)
    return due


def _warnings(enrolment: Enrolment, today: date) -> Iterator[str]:
    """Yield the warnings that are due; their keys keep each from being sent twice."""
    until, since = enrolment.until, enrolment.since
    if until is None or since is None or until - since <= SHORT:
        return
    rule = content_of(enrolment.programme).renewal
    if rule is not None and renewal_from(rule, until) <= today:
        yield "renewal"
    if until - TOLD_BEFORE <= today:
        yield "week"
