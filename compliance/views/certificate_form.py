"""The certificate form: new, prefilled, renewing, correcting (EPR-3 … EPR-6, CRT-1).

Whatever happens, nothing typed is lost, and a file that was accepted need not be chosen again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from compliance.certificates.forms import CertificateForm
from compliance.certificates.input import (
    KEPT,
    content_new,
    content_of,
    content_posted,
    content_renewing,
    fields_from,
    items_of,
    with_items,
)
from compliance.certificates.numbers import normalised_number
from compliance.certificates.pickers import (
    admission_choices,
    categories_chosen,
    categories_found,
    categories_suggested,
    country_choices,
    products_chosen,
    products_found,
)
from compliance.certificates.reading import reason_of
from compliance.certificates.types import TYPE_RULES, TypeRules
from compliance.choices import CertificateStatus, CertificateType, FileKind
from compliance.epr.schema import EprRules, NumberFormat
from compliance.models import Certificate
from compliance.models.certificates import WAITING
from compliance.services.certificate_files import (
    FIELDS,
    MOST_FILES,
    PURPOSES,
    pending_drop,
    pending_files,
    pending_keep,
)
from compliance.services.certificate_sending import AlreadyBegun, certificate_send
from compliance.services.certificates import EDITABLE, certificate_problems, upload_rules
from compliance.views.certificates import certificate_or_404, submitted_message
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.models import IdempotentAnswer, StoredFile
from portal.services.idempotency import answer_once
from portal.views.base import SellerPage

TOKEN = 32
UPLOADS = {FileKind.CERTIFICATE: "new_files", FileKind.INVOICE: "new_invoices"}


@dataclass
class FormState:
    """What the form page shows besides the inputs."""

    content: dict[str, Any]
    certificate: Certificate | None = None
    renewed: Certificate | None = None
    version: int | None = None
    token: str = ""
    bound: bool = False
    problems: list[tuple[str, str]] = field(default_factory=list)
    status: int = 0
    """The HTTP status a refused file asks for."""
    refusal: Refusal | None = None
    other: Certificate | None = None
    """The certificate a refusal is about."""

    def __post_init__(self) -> None:
        self.token = self.token or get_random_string(TOKEN)
        if self.certificate is not None and self.version is None:
            self.version = self.certificate.version

    @property
    def type_rules(self) -> TypeRules:
        """What the chosen type asks for; a word that is no type asks like an EPR registration."""
        kind = self.content.get("type")
        known = kind if kind in CertificateType.values else CertificateType.EPR
        return TYPE_RULES[CertificateType(known)]


class _FormPage(SellerPage):
    """What a new certificate's form and a correction have in common."""

    read_action = write_action = Action.UPLOAD_CERTIFICATE

    def handle(self, request: MemberRequest, certificate: Certificate | None) -> HttpResponse:
        """Do what the button says."""
        state = _state_posted(request, certificate)
        if (sent := _sent_already(request, state)) is not None:
            return sent
        if certificate is not None and certificate.status not in EDITABLE:
            return _not_editable(request, certificate)
        self.take_uploads(request, state)
        content = state.content
        if "remove_file" in request.POST:
            pending_drop(member=request.member, token=request.POST["remove_file"])
        if "add_products" in request.POST:
            found = request.POST.getlist("product_found")
            content["products"] = with_items(content["products"], found)
            content["coverage"] = "some"
        for button, submit in (("submit", True), ("save", False)):
            if button in request.POST:
                return self.save(request, state, submit=submit)
        return self.show(request, state)

    def take_uploads(self, request: MemberRequest, state: FormState) -> None:
        """Keep new files at once: an upload field cannot be filled again after a refusal."""
        for kind, name in UPLOADS.items():
            kept = state.content[KEPT[kind]]
            for upload in request.FILES.getlist(name):
                if len(kept) >= MOST_FILES:
                    text = _("“%(name)s” is one too many: at most %(most)d files.")
                    values = {"name": upload.name, "most": MOST_FILES}
                    state.problems.append((FIELDS[kind], text % values))
                    continue
                try:
                    stored = pending_keep(member=request.member, upload=upload, field=FIELDS[kind])
                except InvalidInput as refusal:
                    state.problems += refusal.fields
                    state.status = max(state.status, refusal.http_status)
                else:
                    kept.append(stored.token)

    def save(self, request: MemberRequest, state: FormState, *, submit: bool) -> HttpResponse:
        """Save, or show the form again with the reasons at their fields."""
        files = {kind: _kept_files(request, state, kind) for kind in KEPT}

        def act() -> tuple[int, Any]:
            if state.problems:
                # A file was refused. Everything else is checked all the same, so that it is told at once.
                raise _all_problems(request, state, files)
            saved = certificate_send(
                member=request.member,
                fields=fields_from(state.content),
                files=files[FileKind.CERTIFICATE],
                invoices=files[FileKind.INVOICE],
                certificate=state.certificate,
                version=state.version,
                submit=submit,
            )
            return 201, {"id": saved.pk, "version": saved.version}

        try:
            _status, answer, _again = answer_once(
                seller=request.seller,
                key=_key(state.token),
                request_digest=_form_digest(request),
                act=act,
            )
        except InvalidInput as refusal:
            state.problems = refusal.fields
            return self.show(request, state, status=max(state.status, refusal.http_status))
        except Refusal as refusal:
            return self.refused(request, state, refusal)
        saved = Certificate.objects.select_related("replaces").get(pk=answer["id"])
        messages.success(request, submitted_message(saved) if submit else _("The draft is saved."))
        return redirect("compliance:certificate", saved.pk)

    def refused(self, request: MemberRequest, state: FormState, refusal: Refusal) -> HttpResponse:
        """Show what stands against it, with the way on."""
        state.refusal = refusal
        state.problems = refusal.fields
        if isinstance(refusal, AlreadyBegun):
            state.other = refusal.certificate
        elif refusal.code == "already_waiting":
            state.other = _waiting_with(state)
        elif state.certificate is not None:
            state.certificate.refresh_from_db()
            if state.certificate.status not in EDITABLE:
                return _not_editable(request, state.certificate)
            if refusal.code == "stale":
                state.version = state.certificate.version
                state.other = state.certificate
        return self.show(request, state, status=refusal.http_status)

    def show(self, request: MemberRequest, state: FormState, status: int = 200) -> HttpResponse:
        """Render the page."""
        today = platform_time.today()
        rules = upload_rules(today)
        form = CertificateForm(
            state.content,
            type_rules=state.type_rules,
            rules=rules,
            countries=country_choices(rules),
            admissions=admission_choices(today),
            bound=state.bound,
        )
        form.show_problems(state.problems)
        context = _context(request, state, form, rules)
        return render(request, "compliance/certificate_form.html", context, status=status)


class CertificateNewPage(_FormPage):
    """`/compliance/certificates/new/`: empty, prefilled by the page before, or renewing (`?renew=`)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the form."""
        return self.show(request, FormState(*_start(request)))

    def post(self, request: MemberRequest) -> HttpResponse:
        """Do what the button says."""
        return self.handle(request, None)


class CertificateEditPage(_FormPage):
    """`/compliance/certificates/<pk>/edit/`: a draft, or a rejected one to be corrected."""

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show the form with what is stored."""
        certificate = certificate_or_404(pk)
        if certificate.status not in EDITABLE:
            return _not_editable(request, certificate)
        return self.show(request, FormState(content_of(certificate), certificate))

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Do what the button says."""
        return self.handle(request, certificate_or_404(pk))


# --- What a request holds -----------------------------------------------------------------------


def _start(request: MemberRequest) -> tuple[dict[str, Any], None, Certificate | None]:
    """Return what a new form begins with, and the certificate it renews."""
    asked = request.GET.get("renew", "")
    if not asked:
        start = content_new(request.GET)
        start["entity_name"] = start["company_name"] = request.seller.name_en
        return start, None, None
    if not (asked.isascii() and asked.isdecimal()):
        raise Http404
    renewed = certificate_or_404(int(asked))
    return content_renewing(renewed), None, renewed


def _state_posted(request: MemberRequest, certificate: Certificate | None) -> FormState:
    version = request.POST.get("version", "")
    number = (
        int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else None
    )
    return FormState(
        content_posted(request.POST),
        certificate,
        version=number,
        token=_token_posted(request.POST.get("token", "")),
        bound=True,
    )


def _token_posted(text: str) -> str:
    return text if len(text) == TOKEN and text.isascii() and text.isalnum() else ""


def _key(token: str) -> str:
    return f"certificate-form:{token}"


def _form_digest(request: MemberRequest) -> str:
    """Return a digest of everything the form sent: two clicks send the same."""
    posted = {
        name: values for name, values in request.POST.lists() if name != "csrfmiddlewaretoken"
    }
    files = [
        [name, str(one.name), one.size] for name, ones in request.FILES.lists() for one in ones
    ]
    return hashlib.sha256(json.dumps([posted, files], sort_keys=True).encode()).hexdigest()


def _sent_already(request: MemberRequest, state: FormState) -> HttpResponse | None:
    """Lead the second of two clicks to what the first one saved.

    A form that was saved, called back and changed goes on as a change of what it saved: never two.
    """
    done = IdempotentAnswer.objects.filter(key=_key(state.token), status=201).first()
    if done is None or done.answer is None:
        return None
    saved = Certificate.objects.filter(pk=done.answer["id"]).first()
    if saved is None:
        return None
    if done.request == _form_digest(request) or saved.status not in EDITABLE:
        messages.info(request, _("This form was saved already; this is the certificate."))
        return redirect("compliance:certificate", saved.pk)
    state.certificate, state.version = saved, done.answer["version"]
    state.token = get_random_string(TOKEN)
    return None


def _not_editable(request: MemberRequest, certificate: Certificate) -> HttpResponse:
    waits = certificate.status in (CertificateStatus.SUBMITTED, CertificateStatus.IN_REVIEW)
    messages.warning(
        request,
        _("It has been submitted. Take it back first if you want to change it.")
        if waits
        else _("It has been decided and cannot be changed. Upload a new one instead."),
    )
    return redirect("compliance:certificate", certificate.pk)


def _kept_files(request: MemberRequest, state: FormState, kind: FileKind) -> list[StoredFile]:
    """Return the files a form holds of a kind, in its order; foreign tokens are left out."""
    tokens = state.content.get(KEPT[kind]) or []
    found = {one.token: one for one in pending_files(member=request.member, tokens=tokens)}
    if state.certificate is not None and tokens:
        own = StoredFile.objects.filter(
            certificatefile__certificate=state.certificate, purpose=PURPOSES[kind]
        )
        found |= {one.token: one for one in own}
    return [found[token] for token in tokens if token in found]


def _all_problems(
    request: MemberRequest, state: FormState, files: dict[FileKind, list[StoredFile]]
) -> InvalidInput:
    """Return the problems of refused files together with those of the fields."""
    rest = certificate_problems(
        member=request.member,
        fields=fields_from(state.content),
        files=files[FileKind.CERTIFICATE],
        invoices=files[FileKind.INVOICE],
        certificate=state.certificate,
    )
    named = {name for name, _text in state.problems}
    return InvalidInput([*state.problems, *(one for one in rest if one[0] not in named)])


def _waiting_with(state: FormState) -> Certificate | None:
    number = normalised_number(str(state.content.get("number", "")))
    waiting = Certificate.objects.filter(number=number, status__in=WAITING)
    return waiting.filter(type=state.content.get("type")).first()


def _context(
    request: MemberRequest, state: FormState, form: CertificateForm, rules: EprRules
) -> dict[str, Any]:
    """Read what goes into and beside the form; a constant number of queries."""
    content = state.content
    product_query = request.POST.get("product_q", "")[:100]
    category_query = request.POST.get("category_q", "")[:100]
    chosen = categories_chosen(content.get("categories") or [])
    codes = [one.code for one in chosen]
    found = categories_found(category_query) if "find_categories" in request.POST else None
    offered = found if found is not None else categories_suggested(codes)
    certificate = state.certificate
    return {
        "form": form,
        "state": state,
        "type_rules": state.type_rules,
        "is_epr": state.type_rules.type == CertificateType.EPR,
        "certificate": certificate,
        "reason": reason_of(certificate) if certificate else None,
        "files": _kept_files(request, state, FileKind.CERTIFICATE),
        "invoices": _kept_files(request, state, FileKind.INVOICE),
        "most_files": MOST_FILES,
        "product_q": product_query,
        "products_found": products_found(product_query)
        if "find_products" in request.POST
        else None,
        "products": products_chosen(items_of(content.get("products") or "")),
        "category_q": category_query,
        "categories": chosen,
        "categories_searched": found is not None,
        "categories_offered": [one for one in offered if one.code not in codes],
        "numbers": [_number_row(one) for one in rules.numbers],
        "due_days": rules.review.due_working_days,
    }


def _number_row(number: NumberFormat) -> dict[str, Any]:
    return {
        "country": number.country,
        "category_names": [category.label for category in number.categories],
        "name": number.name,
        "example": number.example,
    }
