"""What shops ask staff for, from the asking to the answer (EPR-10, GRO-15).

A kind of request is a model of its app with `seller`, `status` and `answer`. Asking leads to an order that
costs money, so it is the owner's, like enrolling (K-7); one request is open at a time, by a constraint of
the model. Each move is a compare-and-set with its audit row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from portal import platform_time
from portal.bilingual import in_both
from portal.choices import REQUEST_TRANSITIONS, Action, RequestStatus
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.models import Member, User
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.notices import NoticeDraft, notice_send_many

MAX_ANSWER = 2000
Problems = list[tuple[str, str]]
Request = TypeVar("Request", bound=Model)


@dataclass(frozen=True)
class RequestKind:
    """A kind of request.

    `name` begins the actions of its audit trail; `permission` is what staff need; `stamps` are the fields
    that say when and by whom it was handled.
    """

    name: str
    permission: str
    stamps: tuple[str, str]

    def stamped(self, actor: User) -> dict[str, Any]:
        """Return the stamps of a member of staff who handles a request now."""
        at, by = self.stamps
        return {at: platform_time.now(), by: actor}


def request_text(field: str, text: str, most: int, problems: Problems) -> str:
    """Return a text cleaned; what is wrong with it joins `problems`, and it is empty then."""
    try:
        return safe_text(text.replace("\r\n", "\n"), most)
    except CellError as error:
        problems.append((field, str(error)))
        return ""


@transaction.atomic
def request_cancel(kind: RequestKind, *, member: Member, request: Request) -> Request:
    """Take back a request that staff have not begun with; refuses `not_open` otherwise."""
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can take back a request."))
    with seller_scope(member.seller):
        return _move(
            kind,
            request,
            RequestStatus.CANCELLED,
            actor=member.user,
            done="cancel",
            only_from=RequestStatus.NEW,
        )


@transaction.atomic
def request_take(
    kind: RequestKind, *, actor: User, request: Request, stamped: bool = False
) -> Request:
    """Begin with a request, so that nobody else does; refuses `not_open`. `stamped`: that counts as handled."""
    _may_work(kind, actor)
    fields = kind.stamped(actor) if stamped else {}
    with unscoped():
        return _move(
            kind,
            request,
            RequestStatus.IN_PROGRESS,
            actor=actor,
            done="take",
            only_from=RequestStatus.NEW,
            fields=fields,
        )


@transaction.atomic
def request_answer(
    kind: RequestKind, *, actor: User, request: Request, answer: str, status: str
) -> Request:
    """Answer a request and leave it in progress, finish it, or turn it down.

    Raises `InvalidInput` without an answer or for another status; refuses `not_open` when it is over.
    """
    _may_work(kind, actor)
    problems: Problems = []
    answer = request_text("answer", answer, MAX_ANSWER, problems)
    if not answer and not problems:
        problems.append(("answer", _("Write what the shop is told.")))
    if status not in REQUEST_TRANSITIONS[RequestStatus.NEW]:
        problems.append(("status", _("Choose how far the request is.")))
    if problems:
        raise InvalidInput(problems)
    with unscoped():
        fields = {"answer": answer, **kind.stamped(actor)}
        return _move(kind, request, status, actor=actor, done="answer", fields=fields)


def request_tell(
    request: Any, *, notice: str, answer: str | dict[str, str], link: str, **params: Any
) -> None:
    """Tell the owners of the shop how a request stands; the same words once, in the cause's transaction."""
    said = hashlib.sha256(f"{request.status}:{answer}".encode()).hexdigest()[:16]
    status = in_both(request.get_status_display)
    notice_send_many(
        [
            NoticeDraft(
                kind=notice,
                key=f"{notice}:{request.pk}:{said}",
                params={"status": status, "answer": answer, **params},
                link=link,
                seller_id=request.seller_id,
                who_can=Action.ENROL,
            )
        ]
    )


def _may_work(kind: RequestKind, actor: User) -> None:
    if not actor.has_perm(kind.permission):
        raise NotAllowed(_("You may not work on these requests."))


def _move(
    kind: RequestKind,
    request: Request,
    status: str,
    *,
    actor: User,
    done: str,
    only_from: str = "",
    fields: Mapping[str, Any] | None = None,
) -> Request:
    """Bring an open request to a status by compare-and-set; staying in progress is no step."""
    sources = {source for source, targets in REQUEST_TRANSITIONS.items() if status in targets}
    if status == RequestStatus.IN_PROGRESS:
        sources.add(RequestStatus.IN_PROGRESS)
    if only_from:
        sources &= {only_from}
    given = dict(fields or {})
    held = type(request)._default_manager.filter(pk=request.pk)
    before = held.values_list("status", flat=True).first()
    if before not in sources or not held.filter(status=before).update(status=status, **given):
        raise Refusal("not_open", _("This request has gone on in the meantime; look at it again."))
    request.refresh_from_db()
    answered = {"answer": given["answer"]} if "answer" in given else {}
    audit.record(
        action=f"{kind.name}.{done}",
        actor=actor,
        obj=request,
        before={"status": before},
        after={"status": status, **answered},
    )
    return request
