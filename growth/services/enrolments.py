"""Enrolling a shop in a programme, and leaving it (GRO-17).

The shop's row is held while its enrolment is decided, so double clicks and two tabs come one after the
other; a programme with a limit is held too. The partial unique constraint stands behind both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from compliance.models import Certificate
from growth.choices import EnrolmentState
from growth.models import Enrolment, EnrolmentDocument, EnrolmentFile, Programme
from growth.programmes.documents import RequirementReading, requirement_readings
from growth.programmes.reading import (
    ProgrammeReading,
    RouteReading,
    programme_readings,
    refusal_text,
)
from growth.programmes.rules import leaving_from
from growth.services.enrolment_moves import (
    dependents_end,
    enrolment_move,
    event_add,
    flag_follow,
    gone_on,
    membership,
    shop_lock,
)
from growth.services.vouchers import voucher_code
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.locks import queued_transaction
from portal.models import Member, Seller, User
from portal.scoping import seller_scope
from portal.services import audit
from portal.services.files import CheckedUpload, file_store, files_or_nothing, upload_check
from portal.templatetags.portal_ui import day_text

FILE_PURPOSE = "enrolment"
MOST_FILES = 5
"""Files for one requirement at most."""
MAX_TEXT = 2000
Problems = list[tuple[str, str]]


@dataclass(frozen=True)
class Application:
    """What a shop hands in when it enrols.

    `route` may be left out: then it is the first that fits. `terms` is the digest of the agreement that
    was shown, if the form knows it. `answers` holds answers to questions and texts asked for as
    documents, by key; `certificates` primary keys of the shop's own; `files` uploads by option.
    """

    route: str = ""
    agreement: bool = False
    terms: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    certificates: Sequence[int] = ()
    files: Mapping[str, Sequence[UploadedFile]] = field(default_factory=dict)


def enrolment_apply(
    *, member: Member, programme: Programme, application: Application | None = None
) -> Enrolment:
    """Enrol the member's shop: at once, or as an application that staff decide (GRO-17).

    Raises `NotAllowed` for anybody but the owner (K-7). Refuses `already_enrolled`, `cooling_down`,
    `not_eligible`, `window_closed`, `full`, `agreement_needed` (also when the text has changed since it
    was shown), `documents_needed`; `InvalidInput` names `route`, `answers.<key>`, `documents` or
    `files.<key>`. Whoever was removed is decided about by staff, whatever the programme says.
    """
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can enrol it."))
    application = application or Application()
    uploads = _checked(application.files)
    with files_or_nothing(), seller_scope(member.seller), queued_transaction():
        seller = shop_lock(member.seller)
        current = _held(programme)
        [reading] = programme_readings(seller, [current], user=member.user)
        _end_if_over(reading)
        route = _route(reading, application.route)
        refused = reading.refusal(route)
        if refused:
            raise Refusal(refused, refusal_text(reading, refused, route))
        _check_agreement(reading, route, application)
        answers = _answers(reading, route, application.answers)
        documents = _documents(seller, route, application, answers, uploads)
        enrolment = _create(member, reading, route, answers)
        EnrolmentDocument.objects.bulk_create(
            EnrolmentDocument(enrolment=enrolment, requirement=key, certificate=certificate)
            for key, certificate in documents
        )
        _keep_files(member, enrolment, route, uploads)
        event_add(enrolment, actor=member.user)
        audit.record(
            action="enrolment.apply",
            actor=member.user,
            obj=enrolment,
            after={
                "programme": current.code,
                "state": enrolment.state,
                "route": enrolment.route,
                "agreement": enrolment.agreement[:16],
            },
        )
        flag_follow(enrolment, actor=member.user)
    return enrolment


def _held(programme: Programme) -> Programme:
    """Return the programme as it is now; whoever wants one of its places waits for the row."""
    rows = Programme.objects.filter(published=True)
    if programme.content.get("places") or programme.content.get("once_per_owner"):
        rows = rows.select_for_update(no_key=True)
    current = rows.filter(pk=programme.pk).first()
    if current is None:
        raise Refusal("window_closed", _("Enrolment is over."))
    return current


def _end_if_over(reading: ProgrammeReading) -> None:
    """End an enrolment whose last day is past, if no night has: a new one may follow."""
    newest = reading.newest
    if newest is not None and newest.over_on(reading.day) and newest.until is not None:
        enrolment_move(
            enrolment=newest,
            state=EnrolmentState.EXPIRED,
            action="enrolment.end",
            actor=None,
            ended_at=platform_time.end_of(newest.until),
        )


def _route(reading: ProgrammeReading, key: str) -> RouteReading:
    if not key:
        return reading.best
    route = reading.route(key)
    if route is None:
        raise InvalidInput([("route", _("There is no such way in."))])
    return route


def _check_agreement(
    reading: ProgrammeReading, route: RouteReading, application: Application
) -> None:
    if not reading.agrees(route.route):
        return
    if not application.agreement:
        text = _("Read the agreement and tick it.")
        raise Refusal("agreement_needed", text, fields=[("agreement", text)])
    if application.terms not in (None, reading.content.agreement_digest):
        text = _("The agreement has changed since you opened the page: read it again and tick it.")
        raise Refusal("agreement_needed", text, fields=[("agreement", text)])


def _create(
    member: Member, reading: ProgrammeReading, route: RouteReading, answers: dict[str, str]
) -> Enrolment:
    now = platform_time.now()
    waits = reading.needs_review(route.route)
    span = reading.window.span
    fields: dict[str, Any] = {} if waits else membership(reading.content, now)
    if reading.content.voucher:
        fields["voucher"] = voucher_code()
    try:
        with transaction.atomic():
            return Enrolment.objects.create(
                programme=reading.programme,
                seller=member.seller,
                state=EnrolmentState.APPLIED if waits else EnrolmentState.ACTIVE,
                round=span.round if span else None,
                route=route.route.key,
                automatic=route.route.automatic,
                applied_at=now,
                applied_by=member.user,
                agreement=reading.content.agreement_digest if reading.agrees(route.route) else "",
                answers=answers,
                **fields,
            )
    except IntegrityError:
        raise Refusal("already_enrolled", _("Your shop has enrolled already.")) from None


# --- What is handed in --------------------------------------------------------------------------


def _answers(
    reading: ProgrammeReading, route: RouteReading, given: Mapping[str, str]
) -> dict[str, str]:
    """Return the answers, cleaned; raises `InvalidInput` naming each at fault."""
    problems: Problems = []
    answers: dict[str, str] = {}
    texts = {
        one.key: one for each in route.route.documents for one in each.options if one.kind == "text"
    }
    questions = {one.key: one for one in reading.content.questions}
    for key, value in given.items():
        field_name = f"answers.{key}"
        if key not in questions and key not in texts:
            problems.append((field_name, _("Nothing of that name is asked.")))
            continue
        most = questions[key].most if key in questions else MAX_TEXT
        try:
            text = safe_text(value, most)
        except CellError as error:
            problems.append((field_name, str(error)))
            continue
        choices = questions[key].choices if key in questions else []
        allowed = [one.key for one in choices if one.offered_on(reading.day)]
        if text and choices and text not in allowed:
            problems.append((field_name, _("Choose one of the answers.")))
        elif text:
            answers[key] = text
    seen = {name for name, _text in problems}
    problems += [
        (f"answers.{key}", _("Please answer this."))
        for key, question in questions.items()
        if question.required and key not in answers and f"answers.{key}" not in seen
    ]
    if problems:
        raise InvalidInput(problems)
    return answers


def _checked(files: Mapping[str, Sequence[UploadedFile]]) -> dict[str, list[CheckedUpload]]:
    """Check uploads before anything is locked: decoding takes its time."""
    checked = {}
    for key, uploads in files.items():
        name = f"files.{key}"
        if len(uploads) > MOST_FILES:
            text = _("At most %(most)d files are taken here.") % {"most": MOST_FILES}
            raise InvalidInput([(name, text)])
        checked[key] = [upload_check(upload, field=name) for upload in uploads]
    return {key: uploads for key, uploads in checked.items() if uploads}


def _documents(
    seller: Seller,
    route: RouteReading,
    application: Application,
    answers: Mapping[str, str],
    uploads: Mapping[str, Sequence[CheckedUpload]],
) -> list[tuple[str, Certificate]]:
    """Return the certificates handed in with the requirement each is for.

    Raises `InvalidInput` for what is not asked for, refuses `documents_needed` naming what lacks.
    """
    readings = requirement_readings(seller, route.route, now=platform_time.now())
    wanted = {
        one.option.key for each in readings for one in each.options if one.option.kind == "file"
    }
    for key in uploads:
        if key not in wanted:
            raise InvalidInput([(f"files.{key}", _("Nothing of that name is asked."))])
    chosen = set(application.certificates)
    linked = [
        (each.requirement.key, certificate)
        for each in readings
        for one in each.options
        for certificate in one.certificates
        if certificate.pk in chosen
    ]
    _check_certificates(chosen, {certificate.pk for _key, certificate in linked})
    missing = [
        (f"documents.{each.requirement.key}", _missing_text(each))
        for each in readings
        if not _is_met(each, {key for key, _certificate in linked}, answers, uploads)
    ]
    if missing:
        names = "; ".join(text for _key, text in missing)
        text = _("Documents are missing: %(names)s.") % {"names": names}
        raise Refusal("documents_needed", text, fields=missing)
    return list(dict.fromkeys(linked))


def _check_certificates(chosen: set[int], fitting: set[int]) -> None:
    """Refuse certificates that are not the shop's, not in force, or of no use here."""
    left = chosen - fitting
    if not left:
        return
    known = set(Certificate.objects.filter(pk__in=left).values_list("pk", flat=True))
    if left - known:
        raise InvalidInput([("documents", _("There is no such certificate."))])
    text = _("A certificate must be verified, in force and of a type that is asked for.")
    raise Refusal("documents_needed", text, fields=[("documents", text)])


def _is_met(
    each: RequirementReading,
    linked: set[str],
    answers: Mapping[str, str],
    uploads: Mapping[str, Sequence[CheckedUpload]],
) -> bool:
    return (
        each.met
        or each.requirement.key in linked
        or any(one.option.key in uploads or one.option.key in answers for one in each.options)
    )


def _missing_text(each: RequirementReading) -> str:
    return str(each.requirement.title)


def _keep_files(
    member: Member,
    enrolment: Enrolment,
    route: RouteReading,
    uploads: Mapping[str, Sequence[CheckedUpload]],
) -> None:
    requirement = {one.key: each.key for each in route.route.documents for one in each.options}
    EnrolmentFile.objects.bulk_create(
        EnrolmentFile(
            enrolment=enrolment,
            requirement=requirement[key],
            file=file_store(
                seller=member.seller, actor=member.user, upload=upload, purpose=FILE_PURPOSE
            ),
        )
        for key, several in uploads.items()
        for upload in several
    )


# --- Leaving ------------------------------------------------------------------------------------


def enrolment_leave(
    *, member: Member, programme: Programme, enrolment_id: int | None = None
) -> Enrolment:
    """Leave a programme, or take an application back (GRO-17).

    What builds on it ends too. `enrolment_id` is the one a form was made for: another one is not left
    by it. Raises `NotAllowed` for anybody but the owner; refuses `not_enrolled`, `cannot_leave` where
    membership lasts to its end, `too_early` before the first day on which leaving is possible,
    `gone_on` for a stale form.
    """
    if not member.can(Action.ENROL):
        raise NotAllowed(_("Only the owner of the shop can leave a programme."))
    with seller_scope(member.seller), queued_transaction():
        seller = shop_lock(member.seller)
        [reading] = programme_readings(seller, [Programme.objects.get(pk=programme.pk)])
        enrolment = reading.current
        if enrolment is None:
            raise Refusal("not_enrolled", _("Your shop is not enrolled."))
        if enrolment_id is not None and enrolment.pk != enrolment_id:
            raise gone_on()
        _may_leave(reading, enrolment)
        return _leave(enrolment, member.user)


def _may_leave(reading: ProgrammeReading, enrolment: Enrolment) -> None:
    if enrolment.state != EnrolmentState.ACTIVE or enrolment.since is None:
        return
    rule = reading.content.exit
    if not rule.allowed:
        raise Refusal("cannot_leave", _("This lasts until its end; it cannot be left before."))
    first = leaving_from(rule, enrolment.since)
    if reading.day < first:
        text = _("Leaving is possible from %(day)s on.") % {"day": day_text(first)}
        raise Refusal("too_early", text)


def _leave(enrolment: Enrolment, actor: User) -> Enrolment:
    enrolment_move(
        enrolment=enrolment,
        state=EnrolmentState.LEFT,
        action="enrolment.leave",
        actor=actor,
    )
    dependents_end(enrolment, actor=actor)
    return enrolment
