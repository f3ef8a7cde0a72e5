"""What every decision about a penalty shares: who may, what is checked, who is told, and taking back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from django.utils.translation import gettext as _

from compliance.models import PenaltyEffect, Violation
from compliance.penalties.schema import VIOLATIONS, ViolationRules
from compliance.services.penalties import (
    flags_publish,
    later_ones_lower,
    points_sum,
    still_holding,
)
from compliance.services.shop_closing import closings, reopen_if_due
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.models import Member, Seller, User
from portal.services import audit
from portal.services.files import CheckedUpload, upload_check
from portal.services.notices import NoticeDraft, notice_send_many
from portal.services.rulebooks import rulebooks_published

MAX_TEXT, MAX_FILES = 4000, 5


def require_staff(*, actor: User, permission: str, seller_id: int) -> None:
    """Let only staff with the permission decide, and never about a shop they are a member of."""
    if not actor.has_perm(permission):
        raise NotAllowed(_("You may not decide about violations."))
    if Member.everywhere.filter(user=actor, seller_id=seller_id).exists():
        raise NotAllowed(_("You are a member of this shop: somebody else has to decide."))


def as_typed(raw: str) -> str:
    """Return a text with line ends of one character, as the browser counts them; forms send two."""
    return raw.replace("\r\n", "\n").strip()


def clean_text(field: str, raw: str, empty: str) -> str:
    """Return a text without control characters; raises `InvalidInput` when it is empty or too long."""
    try:
        text = safe_text(as_typed(raw), MAX_TEXT)
    except CellError as error:
        raise InvalidInput([(field, str(error))]) from None
    if not text:
        raise InvalidInput([(field, empty)])
    return text


def clean_files(files: Sequence[UploadedFile], *, kept: int = 0) -> list[CheckedUpload]:
    """Check up to five files; raises `InvalidInput` naming `files`, with all that is wrong.

    `kept` others were checked before and count along.
    """
    problems: list[tuple[str, str]] = []
    if kept + len(files) > MAX_FILES:
        problems.append(("files", _("Add at most %(most)d files.") % {"most": MAX_FILES}))
    checked = []
    for upload in files[:MAX_FILES]:
        try:
            checked.append(upload_check(upload, field="files"))
        except InvalidInput as refusal:
            problems.extend(refusal.fields)
    if problems:
        raise InvalidInput(problems)
    return checked


def shop_held(seller_id: int) -> Seller:
    """Take the shop's row for the rest of the transaction: its penalties are decided one by one."""
    return Seller.objects.select_for_update(no_key=True).get(pk=seller_id)


# --- Telling ------------------------------------------------------------------------------------


def rule_names(violation: Violation) -> dict[str, str]:
    """Return what the violated rule is called, by language; one small query."""
    for book in rulebooks_published(VIOLATIONS):
        rules: ViolationRules = book.content
        rule = rules.rule(violation.rule)
        if book.version == violation.rulebook and rule is not None:
            return {"en": rule.name_en, "zh": rule.name_zh}
    return {"en": violation.rule}


def tell(violation: Violation, kind: str, params: dict[str, Any], again: str = "") -> None:
    """Tell the shop's people about a violation, also those of a closed shop; once per kind and `again`."""
    notice_send_many(
        [
            NoticeDraft(
                kind=kind,
                key=f"{kind}:{violation.pk}{again}",
                params=params,
                link=reverse("compliance:violation", args=[violation.pk]),
                seller_id=violation.seller_id,
                even_closed=True,
            )
        ]
    )


# --- Taking back --------------------------------------------------------------------------------


def penalty_take_back(
    *, shop: Seller, violation: Violation, actor: User, note: str, now: datetime
) -> None:
    """Undo a penalty in the transaction of a decision that holds the shop's row (CMP-8).

    Its points count no more from now on, its effects end, later violations of the rule come down a
    rung, and a shop it had closed opens again. Raises `already_overturned`.
    """
    before = closings(shop.pk, now)
    overturned = Violation.objects.filter(pk=violation.pk, overturned_at__isnull=True).update(
        overturned_at=now, overturned_note=note, public=False
    )
    if not overturned:
        raise Refusal("already_overturned", _("This penalty was taken back already."))
    own = PenaltyEffect.objects.filter(violation=violation)
    still_holding(own, now).update(ends_at=now)
    audit.record(
        action="violation.overturn",
        actor=actor,
        obj=violation,
        before={"points": violation.points, "overturned": False},
        after={"points": 0, "overturned": True},
        reason=note,
        seller=shop.member_id,
    )
    lowered = later_ones_lower(overturned=violation, actor=actor, now=now)
    opened = reopen_if_due(seller=shop, before=before, actor=actor, now=now)
    flags_publish(seller=shop, actor=actor)
    names = rule_names(violation)
    for one in lowered:
        params = {"violation": names, "points": one.points}
        tell(one, "violation_lowered", params, again=f":{violation.pk}")
    if opened:
        tell(violation, "shop_reopened", {"points": points_sum(shop.pk, now)})
