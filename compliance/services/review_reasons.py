"""Canned reasons as staff edit them; built-in ones are in `compliance.review.reasons` (EPR-7)."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from compliance.choices import ReasonKind
from compliance.models import ReviewReason
from compliance.services.reviews import MAX_CODE, MAX_TEXT
from portal.errors import InvalidInput, NotAllowed
from portal.ingest.cells import CellError, safe_text
from portal.models import User
from portal.services import audit


def review_reason_save(
    *,
    actor: User,
    kind: str,
    code: str,
    text_en: str,
    text_zh: str,
    active: bool = True,
    reason: ReviewReason | None = None,
) -> ReviewReason:
    """Add a canned reason or change one; what was decided with it keeps the text it had then.

    Kind and code of an existing one stay. Raises `NotAllowed`, `InvalidInput` with the fields named.
    """
    verb = "add" if reason is None else "change"
    if not actor.has_perm(f"compliance.{verb}_reviewreason"):
        raise NotAllowed(_("You may not change canned reasons."))
    texts: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    for name, raw, most in (
        ("code", code, MAX_CODE),
        ("text_en", text_en, MAX_TEXT),
        ("text_zh", text_zh, MAX_TEXT),
    ):
        try:
            texts[name] = safe_text(raw, most)
        except CellError as error:
            problems.append((name, str(error)))
        else:
            if not texts[name]:
                problems.append((name, _("This field is required.")))
    if kind not in ReasonKind.values:
        problems.append(("kind", _("Choose what the reason is for.")))
    if problems:
        raise InvalidInput(problems)
    before = {} if reason is None else _told(reason)
    saved = reason or ReviewReason(kind=kind, code=texts["code"])
    saved.text_en, saved.text_zh, saved.active = texts["text_en"], texts["text_zh"], active
    try:
        with transaction.atomic():
            saved.save()
            audit.record(
                action=f"review_reason.{verb}",
                actor=actor,
                obj=saved,
                before=before,
                after=_told(saved),
            )
    except IntegrityError:
        text = _("There is a reason with this code already.")
        raise InvalidInput([("code", text)]) from None
    return saved


def _told(reason: ReviewReason) -> dict[str, str | bool]:
    return {"text_en": reason.text_en, "text_zh": reason.text_zh, "active": reason.active}
