"""Bulletins: written by staff, read and asked about by the sellers they concern (K-17)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from portal import platform_time
from portal.audience import audience_errors, audiences_concerning, sellers_concerned
from portal.choices import Role, RulebookStatus, SellerStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Bulletin, BulletinQuestion, BulletinRead, Member, Seller, User
from portal.prepared_reads import prepared
from portal.queueing import enqueue_on_commit
from portal.read_once import read_once
from portal.scoping import unscoped
from portal.services import audit
from portal.services.notices import NoticeDraft, notice_send, notice_send_many

QUESTION_LENGTH = 2000
FIXED_ONCE_PUBLISHED = ("slug", "audience", "effective_on", "rulebook")
"""Who is told what holds from when does not change under the reader; wording may be corrected."""
ANNOUNCES_NOTHING = Q(rulebook__status=RulebookStatus.WITHDRAWN)
"""Bulletins whose rules were taken back before they took effect are shown and told no more (K-16)."""
_CHUNK = 500


# --- Reading ------------------------------------------------------------------------------------


@read_once
def bulletins_for(*, seller: Seller, member: Member | None = None) -> list[Bulletin]:
    """Return the published bulletins that concern a seller, unread first, then newest (K-17).

    Each has `is_read`: whether `member` has opened it. The number of queries does not depend on the
    number of bulletins.
    """
    with unscoped():
        published = _published(platform_time.now(), member.pk if member else 0)
        concerned = audiences_concerning(seller, [bulletin.audience for bulletin in published])
    mine = [one for one, concerns in zip(published, concerned, strict=True) if concerns]
    return sorted(mine, key=lambda bulletin: bulletin.is_read)


def bulletin_find(*, seller: Seller, member: Member | None = None, slug: str) -> Bulletin:
    """Return one bulletin a seller may read; raise `Bulletin.DoesNotExist` for any other."""
    for bulletin in bulletins_for(seller=seller, member=member):
        if bulletin.slug == slug:
            return bulletin
    raise Bulletin.DoesNotExist(slug)


def bulletin_mark_read(*, member: Member, bulletin: Bulletin) -> None:
    """Remember that a member has opened a bulletin; again changes nothing."""
    with unscoped():
        BulletinRead.objects.get_or_create(bulletin=bulletin, member=member)


@prepared
def _published(now: datetime, member_id: int) -> QuerySet[Bulletin]:
    read = BulletinRead.objects.filter(bulletin=OuterRef("pk"), member_id=member_id)
    return (
        Bulletin.objects.filter(published_at__lte=now)
        .exclude(ANNOUNCES_NOTHING)
        .annotate(is_read=Exists(read))  # type: ignore[no-redef]
        .order_by("-published_at", "-pk")
    )


# --- Questions ----------------------------------------------------------------------------------


def bulletin_ask(*, member: Member, bulletin: Bulletin, text: str) -> BulletinQuestion:
    """Put a seller's question to the staff, until the deadline (K-17).

    Raises `NotAllowed` for viewers and `InvalidInput` on `text`; refuses `questions_closed` after the
    deadline or without one, `not_concerned` when the bulletin is not for this shop.
    """
    if member.role == Role.VIEWER or not member.is_active:
        raise NotAllowed(_("Viewers read; ask a colleague to put the question."))
    text = text.strip()
    if not text or len(text) > QUESTION_LENGTH:
        raise InvalidInput(
            [
                (
                    "text",
                    _("Write a question of at most %(length)s characters.")
                    % {"length": QUESTION_LENGTH},
                )
            ]
        )
    with unscoped(), transaction.atomic():
        current = Bulletin.objects.get(pk=bulletin.pk)
        asking = Seller.objects.filter(pk=member.seller_id)
        shown = current.published_at is not None and not current.announces_nothing
        if not shown or not _concerned(current, asking):
            raise Refusal("not_concerned", _("This bulletin is not for your shop."))
        if not current.questions_open:
            raise Refusal("questions_closed", _("Questions on this bulletin are closed."))
        return BulletinQuestion.objects.create(
            bulletin=current, seller_id=member.seller_id, member=member, text=text
        )


def bulletin_answer(*, actor: User, question: BulletinQuestion, answer: str) -> BulletinQuestion:
    """Answer a question, or correct the answer; the asker is told once (K-17)."""
    _require(actor, "portal.change_bulletinquestion")
    answer = answer.strip()
    if not answer:
        raise InvalidInput([("answer", _("Write an answer."))])
    with unscoped(), transaction.atomic():
        current = (
            BulletinQuestion.objects.select_for_update(of=("self",))
            .select_related("bulletin", "member__user", "seller")
            .get(pk=question.pk)
        )
        before = {"answer": current.answer}
        current.answer, current.answered_by = answer, actor
        current.answered_at = current.answered_at or platform_time.now()
        current.save(update_fields=["answer", "answered_by", "answered_at"])
        audit.record(
            action="bulletin.answer",
            actor=actor,
            obj=current,
            before=before,
            after={"answer": answer},
            bulletin=current.bulletin.slug,
        )
        if current.member is not None:
            notice_send(
                kind="question_answered",
                key=f"bulletin-question:{current.pk}:answered",
                members=[current.member],
                params={"bulletin": _titles(current.bulletin), "answer": answer},
                link=current.bulletin.get_absolute_url(),
            )
    return current


# --- Writing and publishing ---------------------------------------------------------------------


def bulletin_save(
    *, actor: User, fields: Mapping[str, Any], bulletin: Bulletin | None = None
) -> Bulletin:
    """Create a bulletin or change one; `fields` are model fields by name (K-17).

    Raises `InvalidInput` for a bad audience or action item. Once published only the wording, the
    action items and the deadline for questions may change (`published`).
    """
    _require(actor, "portal.change_bulletin" if bulletin else "portal.add_bulletin")
    errors = [("audience", text) for text in audience_errors(fields.get("audience", []))]
    errors += [("actions", text) for text in _action_errors(fields.get("actions", []))]
    if errors:
        raise InvalidInput(errors)
    with transaction.atomic():
        if bulletin is None:
            saved = Bulletin.objects.create(**fields)
            audit.record(action="bulletin.create", actor=actor, obj=saved, after=dict(fields))
            return saved
        current = Bulletin.objects.select_for_update().get(pk=bulletin.pk)
        before = {name: getattr(current, name) for name in fields}
        changed = {name: value for name, value in fields.items() if before[name] != value}
        fixed = [name for name in FIXED_ONCE_PUBLISHED if name in changed]
        if current.published_at is not None and fixed:
            raise Refusal(
                "published",
                _("A published bulletin keeps its audience and its date; publish another."),
                fields=[(name, _("This cannot change any more.")) for name in fixed],
            )
        if changed:
            Bulletin.objects.filter(pk=current.pk).update(**changed)
            audit.record(
                action="bulletin.change",
                actor=actor,
                obj=current,
                before={name: before[name] for name in changed},
                after=changed,
            )
    bulletin.refresh_from_db()
    return bulletin


def bulletin_publish(*, actor: User, bulletin: Bulletin) -> Bulletin:
    """Show a bulletin to the sellers it concerns and tell their members (K-17).

    Refuses `already_published`, `rulebook_withdrawn`, and `invalid_audience` when a condition no longer
    makes sense.
    """
    _require(actor, "portal.change_bulletin")
    with transaction.atomic():
        current = Bulletin.objects.select_related("rulebook").get(pk=bulletin.pk)
        if current.announces_nothing:
            raise Refusal(
                "rulebook_withdrawn", _("The rules it announces were withdrawn; choose others.")
            )
        errors = audience_errors(current.audience)
        if errors:
            raise Refusal("invalid_audience", " ".join(errors))
        moment = platform_time.now()
        if not Bulletin.objects.filter(pk=current.pk, published_at__isnull=True).update(
            published_at=moment
        ):
            raise Refusal("already_published", _("This bulletin is published already."))
        audit.record(
            action="bulletin.publish", actor=actor, obj=current, after={"published_at": moment}
        )
        from portal import tasks

        enqueue_on_commit(tasks.announce_bulletins)
    bulletin.refresh_from_db()
    return bulletin


def bulletins_announce() -> int:
    """Tell the members of every shop concerned by a published, unannounced bulletin (K-17).

    Repeatable: a run that died half-way is finished by the next one and nobody hears twice. Returns
    how many notices are new.
    """
    sent = 0
    with unscoped():
        waiting = list(
            Bulletin.objects.filter(
                published_at__lte=platform_time.now(), announced_at__isnull=True
            )
            .exclude(ANNOUNCES_NOTHING)
            .order_by("pk")
        )
        for bulletin in waiting:
            trading = Seller.objects.exclude(status=SellerStatus.CLOSED)
            concerned = sorted(_concerned(bulletin, trading))
            for start in range(0, len(concerned), _CHUNK):
                sent += notice_send_many(
                    _announcement(bulletin, pk) for pk in concerned[start : start + _CHUNK]
                )
            Bulletin.objects.filter(pk=bulletin.pk).update(announced_at=platform_time.wall_clock())
    return sent


def _announcement(bulletin: Bulletin, seller_id: int) -> NoticeDraft:
    return NoticeDraft(
        kind="bulletin_published",
        key=f"bulletin:{bulletin.pk}:published",
        seller_id=seller_id,
        params={
            "bulletin": _titles(bulletin),
            "effective": bulletin.effective_on or bulletin.published_on,
        },
        link=bulletin.get_absolute_url(),
    )


def _concerned(bulletin: Bulletin, sellers: QuerySet[Seller]) -> set[int]:
    return sellers_concerned([bulletin.audience], sellers)[0]


def _titles(bulletin: Bulletin) -> dict[str, str]:
    return {"en": bulletin.title_en, "zh": bulletin.title_zh}


def _action_errors(actions: Any) -> list[str]:
    if not isinstance(actions, list):
        return [_("Action items are a list.")]
    errors = []
    for index, item in enumerate(actions):
        if not isinstance(item, dict) or not {"text_en", "url"} <= set(item) <= {
            "text_en",
            "text_zh",
            "url",
        }:
            errors.append(f"[{index}] " + _("An action item has text_en, text_zh and url."))
        elif not str(item["url"]).startswith("/") or str(item["url"]).startswith("//"):
            errors.append(f"[{index}] " + _("Link to a page of the portal, such as /listings/."))
    return errors


def _require(actor: User, permission: str) -> None:
    if not actor.has_perm(permission):
        raise NotAllowed(_("You may not do this with bulletins."))
