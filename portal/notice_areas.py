"""Where each kind of notice belongs, so that a page about forty of them can be read (K-18)."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.notice_kinds import NoticeKind

AREAS: tuple[tuple[Promise, tuple[str, ...]], ...] = (
    # Translators: 采购直达
    (
        _("RFQ"),
        (
            "quote_replied",
            "quote_viewed",
            "follow_up_due",
            "search_found",
            "entitlement_granted",
            "entitlement_expiring",
            "rights_refunded",
            "offer_accepted",
            "offer_declined",
            "spam_report_answered",
        ),
    ),
    (_("Listings"), ("theme_ending", "matches_changed", "screening_hits")),
    # Translators: 商家成长
    (
        _("Growth"),
        (
            "star_assessed",
            "star_awaits_core_tasks",
            "pack_ending",
            "pack_reward_granted",
            "pack_not_rewarded",
            "reward_lapsing",
            "enrolment_decided",
            "enrolment_step",
            "enrolment_steps_done",
            "enrolment_ending",
            "enrolment_removed",
            "upgrade_answered",
            "renewal_answered",
        ),
    ),
    (
        _("Compliance"),
        (
            "epr_register_by",
            "declaration_due",
            "declaration_overdue",
            "certificate_decided",
            "certificate_expiring",
            "certificate_expired",
            "service_answered",
            "violation_recorded",
            "appeal_decided",
            "violation_overturned",
            "violation_lowered",
            "mark_case_opened",
            "mark_case_judged",
            "radar_deadline",
        ),
    ),
    (
        _("Platform"),
        ("bulletin_published", "question_answered", "webhook_disabled"),
    ),
)
"""Area → codes of its kinds, the most frequent first; named as the sections of the navigation."""


def by_area(
    preferences: Iterable[tuple[NoticeKind, bool]],
) -> list[tuple[Promise, list[tuple[NoticeKind, bool]]]]:
    """Sort kinds (with whether they are mailed) into areas; one that no area names ends the last."""
    chosen = {kind.code: (kind, email) for kind, email in preferences}
    areas = [
        (name, [chosen.pop(code) for code in codes if code in chosen]) for name, codes in AREAS
    ]
    areas[-1][1].extend(chosen.values())
    return [area for area in areas if area[1]]
