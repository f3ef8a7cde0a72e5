"""Spam reports: sellers show what an RFQ really is, staff decide (RFQ-24).

A report takes its RFQ, then the shop, so that nobody reports what is being removed and no shop gets
past its limit at the same moment. A decision takes the RFQ, then its reports, quotes and rights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.models import Member, Seller, StoredFile, User
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.files import (
    JPEG,
    PNG,
    WEBP,
    CheckedUpload,
    file_store,
    files_or_nothing,
    upload_check,
)
from portal.services.notices import NoticeDraft, notice_send_many
from portal.services.rulebooks import rulebook_for
from rfq.choices import ReportStatus, RfqStatus, SpamKind
from rfq.market.schema import MARKET, MarketRules
from rfq.models import Quote, Rfq, RightEntry, SpamEvidence, SpamReport
from rfq.services.rfqs import rfq_remove
from rfq.services.rights import rights_refund

PERMISSION = "rfq.change_spamreport"
PURPOSE = "spam_evidence"
IMAGES = (PNG, JPEG, WEBP)
MIN_DESCRIPTION, MAX_DESCRIPTION = 4, 4000
MAX_EVIDENCE = 5
DAY = timedelta(hours=24)


class ReportLimit(Refusal):
    """The shop has sent as many reports in 24 hours as it may (429); `again_at` is the next chance."""

    http_status = 429

    def __init__(self, most: int, again_at: datetime, now: datetime) -> None:
        minutes = math.ceil((again_at - now).total_seconds() / 60)
        super().__init__(
            "report_limit",
            _(
                "A shop can send %(most)d reports in 24 hours. The next one is possible in"
                " %(hours)d h %(minutes)d min."
            )
            % {"most": most, "hours": minutes // 60, "minutes": minutes % 60},
        )
        self.again_at = again_at
        self.retry_after = max(1, math.ceil((again_at - now).total_seconds()))


def market_rules(now: datetime) -> MarketRules:
    """Return the numbers of the market in force at an instant."""
    content: MarketRules = rulebook_for(MARKET, platform_time.day_of(now)).content
    return content


def answer_due_at(reported_at: datetime, working_days: int) -> datetime:
    """Return the instant up to which a report is answered: Chinese working hours of as many days."""
    return platform_time.add_working_days(reported_at, working_days)


# --- Reporting ----------------------------------------------------------------------------------


def spam_report(
    *,
    member: Member,
    rfq: Rfq,
    kind: str,
    description: str,
    evidence: Sequence[UploadedFile],
) -> SpamReport:
    """Report an RFQ as spam, with 1 to 5 images that show it; return the report (RFQ-24).

    Raises `InvalidInput` naming `kind`, `description` or `evidence`; `Refusal` `already_reported`
    while an earlier report of the shop waits, `removed` for an RFQ that is gone; `ReportLimit` beyond
    five in 24 hours. Nothing is kept then.
    """
    if not member.can(Action.QUOTE):
        raise NotAllowed(_("Your role does not allow you to report RFQs."))
    now = platform_time.now()
    rules = market_rules(now)
    _may_report(member.seller, rfq, rules, now)
    description, images = _checked(kind, description, evidence)
    with files_or_nothing(), seller_scope(member.seller), transaction.atomic():
        held = Rfq.objects.select_for_update(no_key=True).get(pk=rfq.pk)
        Seller.objects.select_for_update(no_key=True).get(pk=member.seller_id)
        _may_report(member.seller, held, rules, now)
        report = SpamReport.objects.create(
            rfq=held,
            seller=member.seller,
            kind=kind,
            description=description,
            reported_at=now,
            reported_by=member.user,
            answer_due_at=answer_due_at(now, rules.answer_working_days),
        )
        SpamEvidence.objects.bulk_create(
            SpamEvidence(report=report, file=_kept(member, image)) for image in images
        )
        audit.record(
            action="spam_report.send",
            actor=member.user,
            obj=report,
            after={"rfq": held.rfq_id, "kind": kind, "images": len(images)},
        )
    return report


def _kept(member: Member, image: CheckedUpload) -> StoredFile:
    return file_store(seller=member.seller, actor=member.user, upload=image, purpose=PURPOSE)


def _may_report(seller: Seller, rfq: Rfq, rules: MarketRules, now: datetime) -> None:
    """Refuse what no report can be sent about, or not now."""
    if rfq.status == RfqStatus.REMOVED:
        raise Refusal("removed", _("This RFQ has been removed from the market already."))
    with seller_scope(seller):
        if SpamReport.objects.filter(rfq=rfq, status=ReportStatus.OPEN).exists():
            raise Refusal(
                "already_reported",
                _("Your shop has reported this RFQ already; the answer is on its way."),
            )
        recent = list(reported_since(now - DAY).values_list("reported_at", flat=True))
    if len(recent) >= rules.reports_per_24_hours:
        again_at = recent[-rules.reports_per_24_hours] + DAY
        raise ReportLimit(rules.reports_per_24_hours, again_at, now)


def reported_since(instant: datetime) -> QuerySet[SpamReport]:
    """Return the reports of the shop in scope sent after an instant, oldest first."""
    return SpamReport.objects.filter(reported_at__gt=instant).order_by("reported_at")


def _checked(
    kind: str, description: str, evidence: Sequence[UploadedFile]
) -> tuple[str, list[CheckedUpload]]:
    """Return the text and the images, or raise `InvalidInput` with everything that is wrong."""
    problems: list[tuple[str, str]] = []
    if kind not in SpamKind.values:
        problems.append(("kind", _("Choose what makes it spam.")))
    try:
        description = safe_text(description, MAX_DESCRIPTION)
    except CellError as error:
        problems.append(("description", str(error)))
    else:
        if len(description) < MIN_DESCRIPTION:
            text = _("Say in at least %(least)d characters what is wrong with this RFQ.")
            problems.append(("description", text % {"least": MIN_DESCRIPTION}))
    if not 1 <= len(evidence) <= MAX_EVIDENCE:
        text = _("Add 1 to %(most)d images that show it, for example screenshots.")
        problems.append(("evidence", text % {"most": MAX_EVIDENCE}))
    images = []
    for upload in evidence[:MAX_EVIDENCE]:
        try:
            images.append(upload_check(upload, accept=IMAGES, field="evidence"))
        except InvalidInput as refusal:
            if refusal.http_status >= 500:
                raise  # nothing is wrong with the image: to be tried again as it is
            problems.extend(refusal.fields)
    if problems:
        raise InvalidInput(problems)
    return description, images


# --- Deciding -----------------------------------------------------------------------------------


def spam_report_decide(*, actor: User, report: SpamReport, upheld: bool, answer: str) -> SpamReport:
    """Uphold or dismiss a report, once; the reporters are told (RFQ-24).

    Upheld: the RFQ leaves the market for everyone, every right used on it is given back and every
    other open report on it is upheld with the same answer. Dismissed: this report alone is answered.
    Needs `rfq.change_spamreport`. Raises `InvalidInput` without an answer, `already_decided`.
    """
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not decide reports."))
    try:
        answer = safe_text(answer, MAX_DESCRIPTION)
    except CellError as error:
        raise InvalidInput([("answer", str(error))]) from None
    if not answer:
        raise InvalidInput([("answer", _("Write what the reporter is told."))])
    with unscoped(), transaction.atomic():
        rfq = Rfq.objects.select_for_update(no_key=True).get(pk=report.rfq_id)
        open_ones = SpamReport.objects.filter(rfq=rfq, status=ReportStatus.OPEN)
        if not upheld:
            open_ones = open_ones.filter(pk=report.pk)
        decided = list(open_ones.order_by("pk"))
        if report.pk not in {one.pk for one in decided}:
            raise _decided_already()
        status = ReportStatus.UPHELD if upheld else ReportStatus.DISMISSED
        _close(decided, status, actor, answer)
        if upheld:
            _remove(rfq, report, actor)
        _tell_reporters(rfq, decided, status, answer)
    report.refresh_from_db()
    return report


def _decided_already() -> Refusal:
    return Refusal("already_decided", _("Somebody has decided this report already."))


def _close(reports: list[SpamReport], status: ReportStatus, actor: User, answer: str) -> None:
    """Answer open reports by compare-and-set, each with its audit row."""
    closed = SpamReport.objects.filter(
        pk__in=[one.pk for one in reports], status=ReportStatus.OPEN
    ).update(status=status, decided_at=platform_time.now(), decided_by=actor, answer=answer)
    if closed != len(reports):
        raise _decided_already()
    audit.record_many(
        audit.entry(
            action="spam_report.decide",
            actor=actor,
            obj=one,
            before={"status": one.status},
            after={"status": status},
            answer=answer,
        )
        for one in reports
    )


def _remove(rfq: Rfq, report: SpamReport, actor: User) -> None:
    """Take the RFQ off the market and give back what was used on it; tell who has rights again."""
    before = rfq.status
    if rfq_remove(rfq=rfq):
        audit.record(
            action="rfq.status",
            actor=actor,
            obj=rfq,
            before={"status": before},
            after={"status": RfqStatus.REMOVED},
            reason=f"spam report {report.pk}",
        )
    rights_refund(quotes=Quote.objects.filter(rfq=rfq), reason_key=f"spam:{report.pk}", actor=actor)
    given = (
        RightEntry.objects.filter(quote__rfq=rfq, reverses__isnull=False)
        .order_by()
        .values("seller")
        .annotate(amount=Count("pk"))
    )
    notice_send_many(
        NoticeDraft(
            kind="rights_refunded",
            key=f"rights_refunded:{rfq.pk}:{row['seller']}",
            params={"rfq": rfq.rfq_id, "amount": row["amount"]},
            link=reverse("rfq:rights"),
            seller_id=row["seller"],
        )
        for row in given
    )


def _tell_reporters(rfq: Rfq, reports: list[SpamReport], status: ReportStatus, answer: str) -> None:
    notice_send_many(
        NoticeDraft(
            kind="spam_report_answered",
            key=f"spam_report_answered:{one.pk}",
            params={"rfq": rfq.rfq_id, "decision": status.label, "answer": answer},
            link=reverse("rfq:spam-reports"),
            seller_id=one.seller_id,
        )
        for one in reports
    )
