"""What every change of an enrolment does: compare-and-set, event and audit row, flags, what hangs on it (GRO-17).

The caller runs a transaction, unscoped or in the shop's scope, and has locked the shop's row: two
changes of one shop wait for each other, so flags follow from all enrolments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from growth.choices import (
    ENROLMENT_TRANSITIONS,
    OPEN_ENROLMENTS,
    EnrolmentState,
    RenewalStatus,
)
from growth.models import Enrolment, EnrolmentEvent, EnrolmentRenewal, Programme
from growth.programmes.reading import PREREQUISITE_ENDED, content_of
from growth.programmes.rules import until_of
from growth.programmes.schema import ProgrammeContent
from portal import platform_time
from portal.bilingual import both_texts
from portal.choices import Action
from portal.errors import Refusal
from portal.models import Seller, User
from portal.scoping import unscoped
from portal.services import audit
from portal.services.notices import NoticeDraft, notice_send_many
from portal.services.shops import Span, seller_flags_publish

ONE_DAY = timedelta(days=1)


def shop_lock(seller: Seller) -> Seller:
    """Hold the shop's row until the transaction ends; return it as it is now."""
    return Seller.objects.select_for_update(no_key=True, of=("self",)).get(pk=seller.pk)


def gone_on() -> Refusal:
    """Return the refusal of a change that somebody else was faster with, or of a stale form."""
    return Refusal("gone_on", _("This has changed in the meantime; look at it again."))


def membership(content: ProgrammeContent, now: datetime) -> dict[str, Any]:
    """Return the fields of an enrolment that holds from now on."""
    today = platform_time.day_of(now)
    step = content.steps[0].key if content.steps else ""
    return {
        "since": today,
        "until": until_of(content.term, today),
        "step": step,
        "step_at": now if step else None,
    }


def last_day_before(enrolment: Enrolment, now: datetime) -> date | None:
    """Return the last day of a membership that ends now: the day before, or its own end if earlier.

    None for what never held.
    """
    if enrolment.since is None:
        return None
    yesterday = platform_time.day_of(now) - ONE_DAY
    return min(enrolment.until or yesterday, yesterday)


def enrolment_move(
    *,
    enrolment: Enrolment,
    state: EnrolmentState,
    action: str,
    actor: User | None,
    reason_code: str = "",
    reason: str = "",
    **fields: Any,
) -> Enrolment:
    """Bring an enrolment to a state by compare-and-set, with its event and audit row.

    `action` is the audit code. Refuses `gone_on` when it is not in a state that leads there any more.
    """
    now = platform_time.now()
    before = enrolment.state
    if state not in ENROLMENT_TRANSITIONS[EnrolmentState(before)]:
        raise gone_on()
    if state not in OPEN_ENROLMENTS:
        fields = {"ended_at": now, "until": last_day_before(enrolment, now)} | fields
    fields |= {"state": state, "reason_code": reason_code, "reason": reason}
    if not Enrolment.objects.filter(pk=enrolment.pk, state=before).update(**fields):
        raise gone_on()
    enrolment.refresh_from_db()
    if not enrolment.is_open:
        renewals_close([enrolment.pk], now=now)
    told = {"state": state.value, "reason_code": reason_code, "reason": reason}
    event_add(enrolment, actor=actor, reason=reason)
    audit.record(
        action=action, actor=actor, obj=enrolment, before={"state": before}, after=told,
        programme=enrolment.programme.code,
    )  # fmt: skip
    flag_follow(enrolment, actor=actor)
    return enrolment


def renewals_close(enrolments: Collection[int], *, now: datetime) -> None:
    """Close the renewals of ended enrolments nobody has answered: there is nothing left to answer."""
    waiting = EnrolmentRenewal.objects.filter(enrolment__in=enrolments, status=RenewalStatus.OPEN)
    waiting.update(status=RenewalStatus.OVER, answered_at=now)


def event_add(enrolment: Enrolment, *, actor: User | None, reason: str = "") -> None:
    """Write down how an enrolment stands now."""
    EnrolmentEvent.objects.create(
        enrolment=enrolment,
        at=platform_time.now(),
        actor=actor,
        state=enrolment.state,
        step=enrolment.step,
        reason=reason,
    )


# --- Flags --------------------------------------------------------------------------------------


def flag_follow(enrolment: Enrolment, *, actor: User | None) -> None:
    """Let the programme's flag hold on exactly the days on which the shop is enrolled (K-11)."""
    code = content_of(enrolment.programme).flag
    if not code:
        return
    with unscoped():
        rows = Enrolment.objects.filter(
            seller=enrolment.seller_id, since__isnull=False, programme__content__flag=code
        )
        days = rows.order_by("since", "pk").values_list("since", "until")
        spans = merged((since, until) for since, until in days if since is not None)
    seller_flags_publish(seller=enrolment.seller, code=code, spans=spans, actor=actor)


def merged(spans: Iterable[tuple[date, date | None]]) -> list[Span]:
    """Return spans of days sorted, joined where they touch, without those that have no day. Pure."""
    found: list[Span] = []
    for since, until in sorted(spans, key=lambda span: span[0]):
        if until is not None and until < since:
            continue
        if found:
            first, last = found[-1]
            if last is None or since <= last + ONE_DAY:
                ends = None if last is None or until is None else max(last, until)
                found[-1] = (first, ends)
                continue
        found.append((since, until))
    return found


# --- What builds on it --------------------------------------------------------------------------


def dependents_of(enrolment: Enrolment) -> list[Enrolment]:
    """Return the shop's open enrolments in programmes that need this one."""
    rows = Enrolment.objects.filter(
        seller=enrolment.seller_id, state__in=OPEN_ENROLMENTS
    ).select_related("programme", "seller")
    code = enrolment.programme.code
    return [one for one in rows if code in content_of(one.programme).prerequisites]


def dependents_end(enrolment: Enrolment, *, actor: User | None) -> list[Enrolment]:
    """End what builds on an enrolment that has ended, and what builds on that; return it all."""
    ended = []
    for one in dependents_of(enrolment):
        holds = one.state == EnrolmentState.ACTIVE
        enrolment_move(
            enrolment=one,
            state=EnrolmentState.EXPIRED if holds else EnrolmentState.REFUSED,
            action="enrolment.end",
            actor=actor,
            reason_code=PREREQUISITE_ENDED,
        )
        ended += [one, *dependents_end(one, actor=actor)]
    return ended


# --- Telling ------------------------------------------------------------------------------------


def title_of(programme: Programme) -> dict[str, str]:
    """Return the title of a programme in both languages."""
    return both_texts(programme.title_en, programme.title_zh)


def programme_link(programme: Programme) -> str:
    """Return the path of a programme's page."""
    return reverse("growth:programme", args=[programme.code])


def enrolment_notice(enrolment: Enrolment, kind: str, key: str, **params: Any) -> NoticeDraft:
    """Return a notice about an enrolment, for those who can enrol the shop."""
    return NoticeDraft(
        kind=kind,
        key=f"{kind}:{enrolment.pk}:{key}",
        params={"programme": title_of(enrolment.programme), **params},
        link=programme_link(enrolment.programme),
        seller_id=enrolment.seller_id,
        who_can=Action.ENROL,
    )


def enrolment_tell(enrolment: Enrolment, kind: str, key: str, **params: Any) -> int:
    """Tell the shop's owners of a decision; in the transaction of its cause."""
    return notice_send_many([enrolment_notice(enrolment, kind, key, **params)])
