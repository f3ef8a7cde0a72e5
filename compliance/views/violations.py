"""Violations as a shop sees them: its points, its penalties, appeals; and the public list (CMP-6, CMP-8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import AppealReason
from compliance.models import Violation
from compliance.penalties.reading import (
    books_by_version,
    effects_shown,
    ladders_shown,
    points_shown,
    public_shown,
    public_violations,
    rules_today,
    shown,
    violations_listed,
    violations_read,
)
from compliance.services.appeals import (
    appeal_is_repeated,
    appeal_make,
    pending_files,
    pending_keep,
)
from compliance.services.penalty_cases import MAX_FILES, MAX_TEXT
from compliance.views.closed_shop_page import OpenToClosedShops
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.models import StoredFile
from portal.product_links import product_titles
from portal.scoping import unscoped
from portal.services.files import file_url
from portal.views.base import SellerPage
from portal.views.lists import page_of

REASONS: dict[AppealReason, str | Promise] = {
    # Translators: 买家要求不操作信用保障订单
    AppealReason.BUYER_ASKED: gettext_lazy(
        "For example: the buyer asked for an order without Trade Assurance. Show the message."
    ),
    # Translators: 客观原因不能操作，如无法使用一达通、自营出口、市场采购出口，且订单在5000美金以上
    AppealReason.IMPOSSIBLE: gettext_lazy(
        "For example: an order above US$5,000 while no export service, own export or market"
        " procurement can be used."
    ),
    AppealReason.OTHER: gettext_lazy("Any other legitimate, objective reason; say which."),
}


class ViolationsPage(OpenToClosedShops):
    """Points now and how they run out, effects in force, every violation, what the next time costs."""

    view_name = "violations"

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page of the violations; the number of queries does not depend on how many."""
        now = platform_time.now()
        books = books_by_version()
        page = page_of(request, violations_listed())
        page.object_list = [
            (shown(one, books, now), self.address("violation", pk=one.pk))
            for one in page.object_list
        ]
        rules = rules_today(now)
        context = {
            "page_obj": page,
            "points": points_shown(books, rules.closes_at, now) if rules else None,
            "effects": [
                (one, self.address("violation", pk=one.effect.violation_id))
                for one in effects_shown(now)
            ],
            "ladders": ladders_shown(rules, now) if rules else [],
            "rules": rules,
            "may_appeal": request.member.can(Action.APPEAL),
            **self.frame(),
        }
        return render(request, "compliance/violations.html", context)


class ViolationPage(OpenToClosedShops):
    """One violation with its evidence and effects; its POST is the appeal."""

    view_name = "violation"
    write_action = Action.APPEAL

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show it."""
        return self._show(request, self._find(pk))

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Appeal, or show the form again with everything that was typed and every good file."""
        violation = self._find(pk)
        tokens = request.POST.getlist("kept")
        pending = pending_files(member=request.member, tokens=tokens)
        uploads = request.FILES.getlist("files")
        words = {"reason": request.POST.get("reason", ""), "text": request.POST.get("text", "")}
        try:
            if len(pending) < len(set(tokens)) and not hasattr(violation, "appeal"):
                # There is one appeal only: it does not go without a file the page said was kept.
                text = _("A file of this form is not there any more. Choose it again.")
                raise InvalidInput([("files", text)])
            appeal_make(
                member=request.member, violation=violation, files=[*pending, *uploads], **words
            )
        except InvalidInput as refusal:
            kept = [*pending, *pending_keep(member=request.member, uploads=uploads)]
            return self._show(
                request, violation, problems=refusal.fields, kept=kept, status=refusal.http_status
            )
        except Refusal as refusal:
            if appeal_is_repeated(member=request.member, violation=violation, **words):
                self._sent(request)
            else:
                messages.error(request, str(refusal))
        else:
            self._sent(request)
        # The form stands at `#appeal`; a browser would keep that place, below the message on a phone.
        return redirect(self.address("violation", pk=pk) + "#content")

    def _sent(self, request: MemberRequest) -> None:
        messages.success(request, _("Your appeal was sent. You are told when it is decided."))

    def _find(self, pk: int) -> Violation:
        """Return a violation of the shop or answer 404 (K-8)."""
        violation = violations_read().filter(pk=pk).first()
        if violation is None:
            raise Http404
        return violation

    def _show(
        self,
        request: MemberRequest,
        violation: Violation,
        *,
        problems: list[tuple[str, str]] | None = None,
        kept: Iterable[StoredFile] = (),
        status: int = 200,
    ) -> HttpResponse:
        found: dict[str, list[str]] = {}
        for field, text in problems or []:
            found.setdefault(field, []).append(text)
        product = violation.product
        appeal = getattr(violation, "appeal", None)
        context: dict[str, Any] = {
            "shown": shown(violation, books_by_version(), platform_time.now()),
            "violation": violation,
            "appeal": appeal,
            "appeal_files": named(one.file for one in appeal.files.all()) if appeal else [],
            "evidence_files": named(one.file for one in violation.files.all()),
            "product_known": bool(
                product
                and self.closed is None
                and product_titles(seller=request.seller, product_ids=[product.product_id])
            ),
            "may_appeal": request.member.can(Action.APPEAL),
            "reasons": [(one.value, one.label, text) for one, text in REASONS.items()],
            "reason": request.POST.get("reason", ""),
            "text": request.POST.get("text", "")[: 2 * MAX_TEXT],
            "kept": kept,
            "problems": found,
            "max_files": MAX_FILES,
            "max_text": MAX_TEXT,
            "back": self.address("violations"),
            **self.frame(),
        }
        return render(request, "compliance/violation.html", context, status=status)


def named(files: Iterable[StoredFile]) -> list[tuple[str, str]]:
    """Return names and addresses of files."""
    return [(one.name, file_url(one)) for one in files]


class PublicPage(SellerPage):
    """What staff have published, of all shops, masked: everybody sees that rules are kept (CMP-6)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page; nothing in it tells which shop it was."""
        with unscoped():
            page = page_of(request, public_violations())
            page.object_list = public_shown(page.object_list, books_by_version())
        return render(request, "compliance/violations_public.html", {"page_obj": page})
