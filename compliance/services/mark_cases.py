"""Cases of protected marks: opened and closed by screening, answered by shops, judged by staff (CMP-5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from compliance.choices import MarkCaseState
from compliance.goods.mark_rules import AUTHORISATION_TYPES, WAITING, PastCase, settles
from compliance.models import (
    Certificate,
    CertificateCategory,
    CertificateProduct,
    GatedProduct,
    MarkCase,
)
from compliance.models.certificates import counting_at
from compliance.services.violations import violation_confirm
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.bulk import insert_rows, update_rows
from portal.ingest.cells import CellError, safe_text
from portal.models import CategoryClosure, Member, Seller, User
from portal.scoping import seller_scope, unscoped
from portal.services import audit
from portal.services.notices import NoticeDraft, notice_send_many

PERMISSION = "compliance.change_markcase"
RULE = "ip_infringement"
MIN_TEXT, MAX_TEXT = 10, 2000
VERDICTS = (MarkCaseState.AUTHORISED, MarkCaseState.OUTSIDE_SCOPE, MarkCaseState.INFRINGING)


class Titled(NamedTuple):
    """A screened product: its shop and its title now."""

    seller_id: int
    title: str


# --- Opened and closed by screening ---------------------------------------------------------------


def mark_cases_follow(
    *, products: Mapping[int, Titled], found: Mapping[int, Collection[int]]
) -> None:
    """Close the cases of products whose title names the mark no more, open those that are missing.

    `products` are all that were screened, by primary key and locked by the caller; `found` the marks in
    the titles of live ones. A constant number of statements.
    """
    now = platform_time.now()
    waiting = MarkCase.objects.filter(product_id__among=products, state__in=WAITING)
    held: set[tuple[int, int]] = set()
    fixed: list[int] = []
    renamed: dict[int, list[str]] = {}
    for pk, product_id, mark_id, title in waiting.values_list(
        "pk", "product_id", "mark_id", "title"
    ):
        if mark_id not in found.get(product_id, ()):
            fixed.append(pk)
            continue
        held.add((product_id, mark_id))
        if title != products[product_id].title:
            renamed[pk] = [products[product_id].title]
    if fixed:
        MarkCase.objects.filter(pk__in=fixed).update(state=MarkCaseState.FIXED, judged_at=now)
    update_rows(MarkCase, ["title"], renamed)
    missing = {(pk, mark) for pk, marks in found.items() for mark in marks} - held
    if missing:
        _open(missing, products, now)


def _open(missing: set[tuple[int, int]], products: Mapping[int, Titled], now: datetime) -> None:
    past = _newest_closed({pk for pk, _mark in missing})
    opened = sorted(
        (pk, mark)
        for pk, mark in missing
        if (pk, mark) not in past or not settles(past[pk, mark], products[pk].title, now)
    )
    insert_rows(
        MarkCase,
        [
            {
                "product_id": pk,
                "mark_id": mark,
                "title": products[pk].title,
                "opened_at": now,
                "state": MarkCaseState.OPEN.value,
            }
            for pk, mark in opened
        ],
    )
    day = platform_time.day_of(now).isoformat()
    notice_send_many(
        NoticeDraft(
            kind="mark_case_opened",
            key=f"mark_case_opened:{seller_id}:{day}",
            link=reverse("compliance:marks"),
            seller_id=seller_id,
        )
        for seller_id in sorted({products[pk].seller_id for pk, _mark in opened})
    )


def _newest_closed(products: Collection[int]) -> dict[tuple[int, int], PastCase]:
    closed = MarkCase.objects.filter(product__in=products).exclude(state__in=WAITING)
    rows = closed.order_by("opened_at", "pk").values_list(
        "product_id", "mark_id", "state", "title", "authorisation", "authorisation__valid_from",
        "authorisation__valid_until",
    )  # fmt: skip
    return {
        (product, mark): PastCase(state, title, authorisation is not None, begins, ends)
        for product, mark, state, title, authorisation, begins, ends in rows
    }


def products_to_look_at_again(*, now: datetime) -> list[str]:
    """Return ids of live products whose authorisation has ended since a case was closed with it."""
    with unscoped():
        ended = MarkCase.objects.filter(
            state=MarkCaseState.AUTHORISED,
            authorisation__valid_until__lte=now,
            product__live=True,
            product__deleted=False,
            mark__active=True,
        )
        later = set(
            MarkCase.objects.filter(product__in=ended.values("product"))
            .exclude(state=MarkCaseState.AUTHORISED)
            .values_list("product_id", "mark_id")
        )
        rows = ended.values_list("product_id", "mark_id", "product__product_id").distinct()
        return sorted({name for product, mark, name in rows if (product, mark) not in later})


# --- Answered by the shop -------------------------------------------------------------------------


def authorisations_for(*, product: GatedProduct, now: datetime) -> QuerySet[Certificate]:
    """Return the shop's own certificates that prove a right to a mark and cover the product now."""
    above = CategoryClosure.objects.filter(descendant=product.category_id).values("ancestor")
    counting = Certificate.objects.filter(
        counting_at(now), seller=product.seller_id, type__in=AUTHORISATION_TYPES
    )
    named = CertificateProduct.objects.filter(product=product).values("certificate")
    return (
        counting.filter(covers_all=True)
        | counting.filter(pk__in=named)
        | counting.filter(pk__in=CertificateCategory.objects.filter(
            category__in=above
        ).values("certificate"))
    )  # fmt: skip


def mark_case_answer(
    *,
    member: Member,
    case: MarkCase,
    authorisation: Certificate | None = None,
    statement: str = "",
) -> MarkCase:
    """Prove an authorisation, or state why the product is outside the protected scope (CMP-5).

    Raises `InvalidInput` naming `authorisation` or `statement`; `Refusal` `case_closed` when it is
    answered, fixed or judged already. Staff judge next.
    """
    if not member.can(Action.EDIT_PRODUCTS):
        raise NotAllowed(_("Your role in this shop does not allow this."))
    now = platform_time.now()
    with seller_scope(member.seller), transaction.atomic():
        case = MarkCase.objects.select_related("product", "mark").get(pk=case.pk)
        text = _answer_text(case, authorisation, statement, now)
        answered = MarkCase.objects.filter(pk=case.pk, state=MarkCaseState.OPEN).update(
            state=MarkCaseState.ANSWERED,
            answer=text,
            authorisation=authorisation,
            answered_at=now,
        )
        if not answered:
            raise _closed()
        audit.record(
            action="mark_case.answer",
            actor=member.user,
            obj=case,
            before={"state": case.state},
            after={
                "state": MarkCaseState.ANSWERED,
                "authorisation": authorisation.pk if authorisation else None,
            },
            answer=text,
        )
        case.refresh_from_db()
    return case


def _answer_text(
    case: MarkCase, authorisation: Certificate | None, statement: str, now: datetime
) -> str:
    try:
        text = safe_text(statement, MAX_TEXT)
    except CellError as error:
        raise InvalidInput([("statement", str(error))]) from None
    if authorisation is not None:
        if not authorisations_for(product=case.product, now=now).filter(pk=authorisation.pk):
            message = _("Choose a verified trademark or authorisation that covers this product.")
            raise InvalidInput([("authorisation", message)])
    elif len(text) < MIN_TEXT:
        message = _("Say in at least %(least)d characters why the mark does not protect it here.")
        raise InvalidInput([("statement", message % {"least": MIN_TEXT})])
    return text


def _closed() -> Refusal:
    return Refusal("case_closed", _("This case has been answered or closed meanwhile."))


# --- Judged by staff ------------------------------------------------------------------------------


def mark_case_judge(
    *, actor: User, case: MarkCase, verdict: str, judgement: str, penalise: bool = False
) -> MarkCase:
    """Judge a case, answered or not; the shop is told (CMP-5).

    `penalise` confirms a violation of `ip_infringement` along with an infringing verdict, once per
    case. Needs `compliance.change_markcase`, and what confirming a violation needs. Raises
    `InvalidInput`, or `Refusal` `case_closed`.
    """
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not judge cases of marks."))
    text = _judgement_text(verdict, judgement, penalise)
    now = platform_time.now()
    with unscoped(), transaction.atomic():
        case = MarkCase.objects.select_related("product__seller", "mark").get(pk=case.pk)
        if Member.everywhere.filter(user=actor, seller=case.product.seller_id).exists():
            raise NotAllowed(_("Nobody judges the shop they belong to."))
        if (
            verdict == MarkCaseState.AUTHORISED
            and case.authorisation_id is None
            and not case.answer
        ):
            message = _("The shop has shown no authorisation yet.")
            raise InvalidInput([("verdict", message)])
        judged = MarkCase.objects.filter(pk=case.pk, state__in=WAITING).update(
            state=verdict, judgement=text, judged_at=now, judged_by=actor
        )
        if not judged:
            raise _closed()
        audit.record(
            action="mark_case.judge",
            actor=actor,
            obj=case,
            before={"state": case.state},
            after={"state": verdict},
            judgement=text,
            penalised=penalise,
        )
        if penalise:
            violation_confirm(
                actor=actor,
                seller=case.product.seller,
                rule=RULE,
                evidence=_evidence(case, text),
                happened_at=case.opened_at,
                product=case.product,
                key=f"mark-case:{case.pk}",
            )
        _tell(case, MarkCaseState(verdict), text)
        case.refresh_from_db()
    return case


def _judgement_text(verdict: str, judgement: str, penalise: bool) -> str:
    problems = []
    text = ""
    try:
        text = safe_text(judgement, MAX_TEXT)
    except CellError as error:
        problems.append(("judgement", str(error)))
    else:
        if not text:
            problems.append(("judgement", _("Write what the shop is told.")))
    if verdict not in VERDICTS:
        problems.append(("verdict", _("Choose how you judge.")))
    if penalise and verdict != MarkCaseState.INFRINGING:
        problems.append(("penalise", _("Only an infringement is penalised.")))
    if problems:
        raise InvalidInput(problems)
    return text


def _evidence(case: MarkCase, judgement: str) -> str:
    number = f" ({case.mark.number}, {case.mark.holder})" if case.mark.number else ""
    return f"{case.mark.name}{number}: {case.title}\n{judgement}"


def _tell(case: MarkCase, verdict: MarkCaseState, judgement: str) -> None:
    seller: Seller = case.product.seller
    notice_send_many(
        [
            NoticeDraft(
                kind="mark_case_judged",
                key=f"mark_case_judged:{case.pk}",
                params={
                    "mark": case.mark.name,
                    "product": case.product.product_id,
                    "verdict": verdict.label,
                    "judgement": judgement,
                },
                link=reverse("compliance:mark-case", args=[case.pk]),
                seller_id=seller.pk,
            )
        ]
    )
