"""Notices: told once per person, mailed after commit, retried until done (K-18).

A notice is written in the transaction of its cause; `(user, key)` is unique, so saying it again
changes nothing. A pending e-mail is a row with a due time. A worker claims it by moving that time
forward (compare-and-set), sends without holding any lock, then marks it sent: two workers never send
the same row, and a worker that dies is followed up when its claim has run out.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import Action, MailState, NoticeAudience, SellerStatus
from portal.errors import InvalidInput
from portal.models import Member, Notice, NoticePreference, Seller, User
from portal.notice_kinds import (
    NOTICE_KINDS,
    NoticeKind,
    encode_parameters,
    register_notice_kind,
)
from portal.prepared_reads import number_of, prepared
from portal.queueing import enqueue
from portal.scoping import unscoped

__all__ = [
    "NOTICE_KINDS",
    "NoticeDraft",
    "mail_link",
    "notice_deliver",
    "notice_mail_again",
    "notice_mark_read",
    "notice_outbox_sweep",
    "notice_preferences",
    "notice_preferences_save",
    "notice_reaches",
    "notice_send",
    "notice_send_many",
    "notice_unread_count",
    "register_notice_kind",
]

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
CLAIM = timedelta(minutes=2)
"""How long a worker may take for one mail; doubled with every failed attempt."""
PUSH_AT_ONCE = 50
"""Up to this many mails are handed to workers right after commit; more wait for the sweeper."""
BATCH = 1000

MailLink = Callable[[Notice], str]
_mail_links: dict[str, MailLink] = {}


def mail_link(kind: str) -> Callable[[MailLink], MailLink]:
    """Let a function give the path in the mails of a kind: for links that are secret and short-lived."""

    def register(function: MailLink) -> MailLink:
        _mail_links[kind] = function
        return function

    return register


@dataclass(frozen=True)
class NoticeDraft:
    """One event for one shop, or for named users.

    `key` identifies the event *for the person told*: put the shop's id in it when somebody in two
    shops must hear twice. Without `user_ids` every active member of the shop is told, or those
    `who_can` do something there. `link` is a path of the portal. People of a closed shop hear only what is for them `even_closed`: why it was
    closed, and what became of their appeal.
    """

    kind: str
    key: str
    params: dict[str, Any] = field(default_factory=dict)
    link: str = ""
    seller_id: int | None = None
    user_ids: Sequence[int] | None = None
    who_can: Action | None = None
    even_closed: bool = False


def notice_send(
    *,
    kind: str,
    key: str,
    params: dict[str, Any] | None = None,
    link: str = "",
    seller: Seller | None = None,
    members: Iterable[Member] | None = None,
    users: Iterable[User] | None = None,
) -> int:
    """Tell people about one event; return how many were told for the first time (K-18).

    Name `members` (of one shop), or `users` (staff; or people of `seller`), or `seller` alone for all
    of its active members. Call it inside the transaction of the cause.
    """
    if members is not None:
        found = list(members)
        if not found:
            return 0
        if len({member.seller_id for member in found}) > 1:
            raise ValueError("one notice, one shop: use notice_send_many")
        seller_id: int | None = found[0].seller_id
        user_ids: list[int] | None = [member.user_id for member in found]
    else:
        seller_id = seller.pk if seller else None
        user_ids = None if users is None else [user.pk for user in users]
        if seller_id is None and user_ids is None:
            raise ValueError("a notice needs members, users or a seller")
    draft = NoticeDraft(kind, key, params or {}, link, seller_id, user_ids)
    return notice_send_many([draft])


def notice_send_many(drafts: Iterable[NoticeDraft]) -> int:
    """Tell many people about many events in a constant number of queries per thousand events.

    Returns how many notices are new (K-18). Raises `ValueError` for an unknown kind, a missing parameter or
    a link that leaves the portal: those are mistakes of the caller, not of the reader.
    """
    drafts = list(drafts)
    for draft in drafts:
        _check(draft)
    created = 0
    pending: list[tuple[int, str]] = []
    with unscoped(), transaction.atomic():
        for start in range(0, len(drafts), BATCH):
            rows = _new_rows(drafts[start : start + BATCH])
            Notice.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
            created += len(rows)
            pending += [(row.user_id, row.key) for row in rows if row.mail_due_at]
        if pending:
            transaction.on_commit(lambda: _push(pending), robust=True)
    return created


def notice_reaches(sellers: Iterable[int]) -> set[int]:
    """Return those of the shops (primary keys) that have people to tell.

    Upstream sends facts of many shops where nobody has signed up: their notices need not be made.
    """
    with unscoped():
        people = Member.everywhere.filter(
            seller_id__among=set(sellers), is_active=True, user__is_active=True
        )
        return set(people.order_by().values_list("seller_id", flat=True).distinct())


def _check(draft: NoticeDraft) -> None:
    kind = NOTICE_KINDS.get(draft.kind)
    if kind is None:
        raise ValueError(f"unknown notice kind {draft.kind!r}")
    missing = kind.parameters - set(draft.params)
    if missing:
        raise ValueError(f"notice {draft.kind!r} lacks {', '.join(sorted(missing))}")
    if draft.link and (not draft.link.startswith("/") or draft.link.startswith("//")):
        raise ValueError(f"a notice links into the portal, not to {draft.link!r}")


def _rows(drafts: list[NoticeDraft]) -> list[Notice]:
    """Return one unsaved notice per draft and recipient, without repetitions."""
    seller_ids = {draft.seller_id for draft in drafts if draft.seller_id is not None}
    members: dict[int, list[Member]] = {}
    for member in (
        Member.everywhere.filter(seller_id__in=seller_ids, is_active=True, user__is_active=True)
        .select_related("user", "seller")
        .order_by("pk")
    ):
        members.setdefault(member.seller_id, []).append(member)
    user_ids = {pk for draft in drafts if draft.seller_id is None for pk in draft.user_ids or ()}
    users = User.objects.filter(is_active=True).in_bulk(user_ids)
    choices = {
        (choice.member_id, choice.kind): choice.email
        for choice in NoticePreference.objects.filter(
            member__seller_id__in=seller_ids, kind__in={draft.kind for draft in drafts}
        )
    }
    rows: dict[tuple[int, str], Notice] = {}
    for draft in drafts:
        kind = NOTICE_KINDS[draft.kind]
        params = encode_parameters(draft.params)
        if draft.seller_id is None:
            wanted = [(users[pk], kind.default_email) for pk in draft.user_ids or () if pk in users]
        else:
            only = None if draft.user_ids is None else set(draft.user_ids)
            wanted = [
                (member.user, choices.get((member.pk, kind.code), kind.default_email))
                for member in members.get(draft.seller_id, ())
                if (only is None or member.user_id in only)
                and (draft.who_can is None or member.can(draft.who_can))
                and (draft.even_closed or member.seller.status != SellerStatus.CLOSED)
            ]
        for user, email in wanted:
            rows.setdefault((user.pk, draft.key), _row(draft, params, user, email))
    return list(rows.values())


def _row(draft: NoticeDraft, params: dict[str, Any], user: User, email: bool) -> Notice:
    mail = email and bool(user.email)
    return Notice(
        user=user,
        seller_id=draft.seller_id,
        kind=draft.kind,
        key=draft.key,
        params=params,
        link=draft.link,
        mail_state=MailState.PENDING if mail else MailState.NONE,
        mail_due_at=platform_time.wall_clock() if mail else None,
    )


def _new_rows(drafts: list[NoticeDraft]) -> list[Notice]:
    """Return the rows nobody has yet; a sender at work at the same moment is left to the constraint."""
    rows = _rows(drafts)
    told = set(
        Notice.objects.filter(
            user_id__in={row.user_id for row in rows}, key__in={row.key for row in rows}
        ).values_list("user_id", "key")
    )
    return [row for row in rows if (row.user_id, row.key) not in told]


def _push(keys: list[tuple[int, str]]) -> None:
    """Hand fresh mails to workers, or ask for one sweep if they are many. Runs after commit."""
    from portal import tasks

    if len(keys) > PUSH_AT_ONCE:
        enqueue(tasks.sweep_outbox)
        return
    with unscoped():
        due = Notice.objects.filter(
            mail_state=MailState.PENDING,
            mail_attempts=0,
            user_id__in={user for user, _key in keys},
            key__in={key for _user, key in keys},
        ).values_list("pk", flat=True)
        for pk in list(due):
            enqueue(tasks.deliver_notice, pk)


# --- Delivery -----------------------------------------------------------------------------------


def notice_outbox_sweep(*, limit: int = 500) -> int:
    """Deliver every mail that is due, oldest first; return how many were sent (K-18).

    What after-commit hand-over lost, what a dead worker left and what failed before is found here.
    """
    with unscoped():
        due = list(
            Notice.objects.filter(
                mail_state=MailState.PENDING, mail_due_at__lte=platform_time.wall_clock()
            )
            .order_by("pk")
            .values_list("pk", flat=True)[:limit]
        )
    return sum(notice_deliver(notice_id=pk) for pk in due)


def notice_deliver(*, notice_id: int) -> bool:
    """Send one notice's e-mail if it is due and nobody else is at it; return whether it was sent.

    A failure stays pending with a growing delay; after five attempts it is failed for good.
    """
    with unscoped():
        claimed = _claim(notice_id)
        if claimed is None:
            return False
        mine = Notice.objects.filter(
            pk=claimed.pk, mail_state=MailState.PENDING, mail_attempts=claimed.mail_attempts
        )
        try:
            _compose(claimed).send()
        except Exception:  # one bad address or a server that is down must not stop the others
            logger.warning("mail for notice %s failed", claimed.pk, exc_info=True)
            if claimed.mail_attempts >= MAX_ATTEMPTS:
                mine.update(mail_state=MailState.FAILED, mail_due_at=None)
            return False
        mine.update(
            mail_state=MailState.SENT, mailed_at=platform_time.wall_clock(), mail_due_at=None
        )
        return True


def _claim(notice_id: int) -> Notice | None:
    """Take the right to send by moving the due time; none if it is not due or already taken."""
    notice = Notice.objects.select_related("user").filter(pk=notice_id).first()
    if notice is None or notice.mail_state != MailState.PENDING or notice.mail_due_at is None:
        return None
    moment = platform_time.wall_clock()
    unchanged = Notice.objects.filter(
        pk=notice.pk,
        mail_state=MailState.PENDING,
        mail_attempts=notice.mail_attempts,
        mail_due_at__lte=moment,
    )
    if notice.mail_attempts >= MAX_ATTEMPTS or not notice.user.email:
        # The last worker died while sending, or the address is gone.
        unchanged.update(mail_state=MailState.FAILED, mail_due_at=None)
        return None
    wait = CLAIM * 2**notice.mail_attempts
    if not unchanged.update(mail_attempts=F("mail_attempts") + 1, mail_due_at=moment + wait):
        return None
    notice.mail_attempts += 1
    return notice


def _compose(notice: Notice) -> EmailMessage:
    """Write the mail in the reader's language; its Message-ID follows from user and key."""
    digest = hashlib.sha256(f"{notice.user_id}:{notice.key}".encode()).hexdigest()[:40]
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    make_link = _mail_links.get(notice.kind)
    link = make_link(notice) if make_link else notice.link
    with translation.override(notice.user.language):
        lines = [notice.body, settings.BASE_URL + link if link else ""]
        kind = NOTICE_KINDS.get(notice.kind)
        if kind is None or kind.optional:
            lines.append(_("You can choose which notices reach you by e-mail in the portal."))
        return EmailMessage(
            subject=" ".join(notice.title.split()),
            body="\n\n".join(line for line in lines if line),
            to=[notice.user.email],
            headers={"Message-ID": f"<notice-{digest}@{host}>", "Auto-Submitted": "auto-generated"},
        )


def notice_mail_again(*, notice_ids: Sequence[int]) -> int:
    """Put failed mails back in the queue with all their attempts; return how many (K-18)."""
    with unscoped(), transaction.atomic():
        failed = Notice.objects.filter(pk__in=list(notice_ids), mail_state=MailState.FAILED)
        return failed.update(
            mail_state=MailState.PENDING, mail_attempts=0, mail_due_at=platform_time.wall_clock()
        )


# --- Inbox and preferences ----------------------------------------------------------------------


def notice_unread_count(*, user: User, seller: Seller | None) -> int:
    """Return how many notices a person has not read in one shop; staff notices have no shop."""
    with unscoped():
        if seller is None:
            return Notice.objects.filter(user=user, seller=None, read_at__isnull=True).count()
        [[number]] = _unread(user.pk, seller.pk)
    return int(number)


@prepared
def _unread(user_id: int, seller_id: int) -> QuerySet[Notice, tuple[int]]:
    return number_of(Notice.objects.filter(user=user_id, seller=seller_id, read_at__isnull=True))


def notice_mark_read(
    *, user: User, seller: Seller | None, notice_ids: Sequence[int] | None = None
) -> int:
    """Mark own notices of one shop as read, all of them without `notice_ids`; return how many were not.

    Somebody else's notice is not found, so nothing happens to it (K-8).
    """
    with unscoped():
        unread = Notice.objects.filter(user=user, seller=seller, read_at__isnull=True)
        if notice_ids is not None:
            unread = unread.filter(pk__in=list(notice_ids))
        return unread.update(read_at=platform_time.now())


def notice_preferences(*, member: Member) -> list[tuple[NoticeKind, bool]]:
    """Return every kind a member can receive with whether it is mailed, in a fixed order."""
    with unscoped():
        chosen = dict(NoticePreference.objects.filter(member=member).values_list("kind", "email"))
    return [
        (kind, chosen.get(kind.code, kind.default_email))
        for kind in NOTICE_KINDS.values()
        if kind.audience == NoticeAudience.SELLER and kind.optional
    ]


def notice_preferences_save(*, member: Member, email: dict[str, bool]) -> None:
    """Store which kinds a member wants by e-mail; kinds not named keep their choice.

    Raises `InvalidInput` for a kind that members do not receive.
    """
    known = {kind.code for kind, _email in notice_preferences(member=member)}
    unknown = sorted(set(email) - known)
    if unknown:
        raise InvalidInput([(code, _("There is no such kind of notice.")) for code in unknown])
    if not member.can(Action.READ):
        raise InvalidInput([("member", _("This member is not active."))])
    with unscoped():
        NoticePreference.objects.bulk_create(
            [
                NoticePreference(member=member, kind=code, email=wanted)
                for code, wanted in sorted(email.items())
            ],
            update_conflicts=True,
            unique_fields=["member", "kind"],
            update_fields=["email"],
        )
