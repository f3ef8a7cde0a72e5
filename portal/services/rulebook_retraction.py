"""Taking back published rules before they take effect (K-16).

What is in force stays: days are recomputed under it. Until then nobody was judged by it, and only what
was announced goes.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import RulebookStatus
from portal.errors import Refusal
from portal.models import Rulebook, User
from portal.services import audit
from portal.services.rulebooks import lock_module, move_status, require_permission

ONE_DAY = timedelta(days=1)


def may_be_retracted(rulebook: Rulebook) -> bool:
    """Tell whether a rulebook is published and its first day (Pacific) has not begun."""
    begun = rulebook.effective_from <= platform_time.today()
    return rulebook.status == RulebookStatus.PUBLISHED and not begun


def rulebook_retract(*, actor: User, rulebook: Rulebook) -> Rulebook:
    """Take back a published rulebook before it takes effect (K-16).

    What it superseded holds on as before, at most until what else is published begins. Bulletins that
    announce it are shown no more; notices that were sent stay. Refuses, changing nothing:
    `not_published`, `in_force` from the first instant of its first day (Pacific), `superseded` while
    another published one follows it. Waits for publications of the module.
    """
    require_permission(actor=actor, permission="portal.publish_rulebook")
    with transaction.atomic():
        lock_module(rulebook.module)
        current = Rulebook.objects.select_related("supersedes").get(pk=rulebook.pk)
        _require_retractable(current)
        move_status(current, RulebookStatus.PUBLISHED, RulebookStatus.WITHDRAWN)
        audit.record(
            action="rulebook.retract",
            actor=actor,
            obj=current,
            before={"status": RulebookStatus.PUBLISHED},
            after={"status": RulebookStatus.WITHDRAWN},
            effective_from=current.effective_from.isoformat(),
        )
        predecessor = predecessor_to_reopen(current)
        if predecessor is not None:
            _reopen(actor=actor, predecessor=predecessor, retracted=current)
    rulebook.refresh_from_db()
    return rulebook


def _require_retractable(rulebook: Rulebook) -> None:
    if rulebook.status != RulebookStatus.PUBLISHED:
        raise Refusal("not_published", _("Only published rules can be taken back."))
    if not may_be_retracted(rulebook):
        raise Refusal(
            "in_force",
            _("In force since %(day)s (Pacific): publish rules that follow them.")
            % {"day": rulebook.effective_from},
        )
    follower = rulebook.successors.filter(status=RulebookStatus.PUBLISHED).first()
    if follower is not None:
        raise Refusal(
            "superseded",
            _("“%(version)s” follows these rules; take that one back first.")
            % {"version": follower.version},
        )


def predecessor_to_reopen(rulebook: Rulebook) -> Rulebook | None:
    """Return the rulebook that was ended for this one and gets its days back; none without one.

    A corrected shipped file may have given it another last day since; that one stays.
    """
    predecessor = rulebook.supersedes
    ended_for_it = rulebook.effective_from - ONE_DAY
    if predecessor is None or predecessor.effective_to != ended_for_it:
        return None
    return predecessor


def last_day_restored(rulebook: Rulebook) -> date | None:
    """Return the last day its predecessor gets back: the one it had, or that before what follows."""
    following = Rulebook.objects.filter(
        module=rulebook.module,
        status=RulebookStatus.PUBLISHED,
        effective_from__gt=rulebook.effective_from,
    ).order_by("effective_from")
    ends = [rulebook.superseded_until]
    ends += [each.effective_from - ONE_DAY for each in following.defer("content")[:1]]
    return min((day for day in ends if day is not None), default=None)


def _reopen(*, actor: User, predecessor: Rulebook, retracted: Rulebook) -> None:
    restored = last_day_restored(retracted)
    Rulebook.objects.filter(pk=predecessor.pk).update(effective_to=restored)
    audit.record(
        action="rulebook.reopen",
        actor=actor,
        obj=predecessor,
        before={"effective_to": predecessor.effective_to},
        after={"effective_to": restored},
        retracted=retracted.version,
    )
