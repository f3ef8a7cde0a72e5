"""Words of live products, cases of protected marks, and chemicals, as a shop sees them (CMP-3 … CMP-5)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Case, Prefetch, When
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from compliance.choices import MarkCaseState, TextPlace
from compliance.goods.chemical_reading import STATES, ChemicalState, ShopChemicals
from compliance.goods.mark_rules import WAITING
from compliance.models import GatedProduct, MarkCase, ProductHit
from compliance.services.mark_cases import MAX_TEXT, authorisations_for, mark_case_answer
from compliance.services.rule_classes import classes_in_force
from portal import platform_time
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.views.base import SellerPage
from portal.views.lists import page_of

IN_ORDER = Case(*(When(place=place, then=number) for number, place in enumerate(TextPlace.values)))
"""The title first."""


class WordsPage(SellerPage):
    """Live products in whose words something was found that a rule speaks of (CMP-3)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page of the products with their hits; `?rule_class=` narrows."""
        in_force = classes_in_force(platform_time.today())
        hits = ProductHit.objects.filter(rule_class__in=in_force)
        found = set(hits.order_by().values_list("rule_class_id", flat=True).distinct())
        classes = [one for one in in_force if one.pk in found]
        chosen = next((one for one in classes if one.code == request.GET.get("rule_class")), None)
        if chosen is not None:
            hits = hits.filter(rule_class=chosen)
        products = GatedProduct.objects.filter(
            seller=request.seller, pk__in=hits.values("product")
        ).order_by("product_id")
        shown = hits.select_related("rule_class").order_by("rule_class__code", IN_ORDER, "term")
        page = page_of(request, products.prefetch_related(Prefetch("hits", shown)))
        return render(
            request,
            "compliance/words.html",
            {
                "page_obj": page,
                "classes": classes,
                "chosen": chosen,
                "may_edit": request.member.can(Action.EDIT_PRODUCTS),
            },
        )


TABS = {"waiting": WAITING, "closed": tuple(set(MarkCaseState) - set(WAITING))}


class MarksPage(SellerPage):
    """Cases of protected marks in the shop's titles (CMP-5)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page: those that wait, or the closed ones."""
        tab = request.GET.get("show", "waiting")
        states = TABS.get(tab, WAITING)
        cases = MarkCase.objects.select_related("product", "mark")
        counts = {name: cases.filter(state__in=these).count() for name, these in TABS.items()}
        page = page_of(request, cases.filter(state__in=states).order_by("-opened_at", "-pk"))
        return render(
            request,
            "compliance/marks.html",
            {"page_obj": page, "tab": tab if tab in TABS else "waiting", "counts": counts},
        )


class MarkCasePage(SellerPage):
    """One case; its POST proves an authorisation or states why the mark does not protect here."""

    write_action = Action.EDIT_PRODUCTS

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show it."""
        return self._show(request, self._find(pk))

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Answer, or show the form again with what was typed."""
        case = self._find(pk)
        chosen = request.POST.get("authorisation", "")
        proofs = authorisations_for(product=case.product, now=platform_time.now())
        proof = (
            proofs.filter(pk=chosen).first() if chosen.isdecimal() and len(chosen) < 19 else None
        )
        try:
            if chosen and proof is None:
                message = _("This certificate does not cover the product any more.")
                raise InvalidInput([("authorisation", message)])
            mark_case_answer(
                member=request.member,
                case=case,
                authorisation=proof,
                statement=request.POST.get("statement", ""),
            )
        except InvalidInput as refusal:
            return self._show(request, case, refusal.fields, status=400)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Sent. Staff judge it; you are told the result."))
        return redirect("compliance:mark-case", pk=pk)

    def _find(self, pk: int) -> MarkCase:
        """Return a case of the shop or answer 404 (K-8)."""
        cases = MarkCase.objects.select_related("product__category", "mark", "authorisation")
        case = cases.filter(pk=pk).first()
        if case is None:
            raise Http404
        return case

    def _show(
        self,
        request: MemberRequest,
        case: MarkCase,
        problems: list[tuple[str, str]] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        found: dict[str, list[str]] = {}
        for name, text in problems or []:
            found.setdefault(name, []).append(text)
        is_open = case.state == MarkCaseState.OPEN
        context: dict[str, Any] = {
            "case": case,
            "is_open": is_open,
            "may_edit": request.member.can(Action.EDIT_PRODUCTS),
            "may_upload": request.member.can(Action.UPLOAD_CERTIFICATE),
            "proofs": authorisations_for(product=case.product, now=platform_time.now()).distinct()
            if is_open
            else [],
            "chosen": request.POST.get("authorisation", ""),
            "statement": request.POST.get("statement", "")[: 2 * MAX_TEXT],
            "problems": found,
            "max_text": MAX_TEXT,
        }
        return render(request, "compliance/mark_case.html", context, status=status)


class ChemicalsPage(SellerPage):
    """The shop's chemicals: what each is, and what keeps it from being live or ordered (CMP-4)."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page; `?state=` narrows."""
        chemicals = ShopChemicals(request.seller)
        asked = request.GET.get("state", "")
        state = asked if asked in set(ChemicalState) else ""
        page = page_of(request, chemicals.keys(state))
        page.object_list = chemicals.rows(list(page.object_list))
        return render(
            request,
            "compliance/chemicals.html",
            {
                "page_obj": page,
                "state": state,
                "tabs": [
                    (one.value, label, chemicals.counts[one])
                    for one, (label, _tone) in STATES.items()
                ],
                "total": chemicals.counts.total(),
                "admitted": chemicals.admitted,
                "licences": chemicals.rules.licences,
                "may_edit": request.member.can(Action.EDIT_PRODUCTS),
            },
        )
