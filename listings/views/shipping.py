"""Pages of shipping templates (LST-1)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from listings.models import Product, ShippingTemplate
from listings.services.shipping import shipping_template_delete, shipping_template_save
from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.views.base import SellerPage

SPARE_LINES = 2


class ShippingTemplatesPage(SellerPage):
    """The shop's templates and how many products use each."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the list."""
        used = dict(
            Product.objects.filter(seller=request.seller, shipping_template__isnull=False)
            .order_by()
            .values_list("shipping_template")
            .annotate(number=Count("pk"))
        )
        templates = [
            {
                "template": one,
                "used": used.get(one.pk, 0),
                "countries": len({code for line in one.lines for code in line["countries"]}),
            }
            for one in ShippingTemplate.objects.filter(seller=request.seller)
        ]
        return render(
            request,
            "listings/product_shipping.html",
            {"templates": templates, "may_edit": request.member.can(Action.EDIT_PRODUCTS)},
        )


class ShippingTemplatePage(SellerPage):
    """One template: make it, change it."""

    read_action = write_action = Action.EDIT_PRODUCTS

    def get(self, request: MemberRequest, pk: int | None = None) -> HttpResponse:
        """Show the form."""
        template = template_or_404(request, pk) if pk else None
        return self._show(
            request, template, template.name if template else "", template.lines if template else []
        )

    def post(self, request: MemberRequest, pk: int | None = None) -> HttpResponse:
        """Save, or show the form again with what was typed."""
        template = template_or_404(request, pk) if pk else None
        name, lines = request.POST.get("name", ""), read_lines(request)
        if "more_rows" in request.POST:
            return self._show(request, template, name, lines)
        try:
            shipping_template_save(
                actor=request.member,
                seller=request.seller,
                name=name,
                lines=lines,
                template=template,
            )
        except InvalidInput as refusal:
            if template is not None:
                template.refresh_from_db()
            return self._show(request, template, name, lines, refusal.fields)
        messages.success(request, _("Saved."))
        return redirect("listings:product-shipping")

    def _show(
        self, request: MemberRequest, template: Any, name: str, lines: list[Any], problems: Any = ()
    ) -> HttpResponse:
        empty = {"code": "", "countries": [], "guaranteed": False}
        rows = [*lines, *[empty] * SPARE_LINES]
        return render(
            request,
            "listings/product_shipping_form.html",
            {
                "template": template,
                "name": name,
                "lines": [{**row, "text": " ".join(row["countries"])} for row in rows],
                "name_problems": [text for field, text in problems if field == "name"],
                "line_problems": [text for field, text in problems if field == "lines"],
            },
            status=400 if problems else 200,
        )


def read_lines(request: MemberRequest) -> list[dict[str, Any]]:
    """Return the lines that hold anything; countries are separated by spaces or commas."""
    codes, countries = request.POST.getlist("line_code"), request.POST.getlist("line_countries")
    guaranteed = set(request.POST.getlist("line_guaranteed"))
    return [
        {
            "code": code.strip(),
            "countries": text.replace(",", " ").replace("，", " ").upper().split(),
            "guaranteed": str(number) in guaranteed,
        }
        for number, (code, text) in enumerate(zip(codes, countries, strict=False))
        if code.strip() or text.strip()
    ]


class ShippingTemplateDelete(SellerPage):
    """Delete a template after a confirmation."""

    read_action = write_action = Action.EDIT_PRODUCTS

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Ask."""
        template = template_or_404(request, pk)
        return render(
            request,
            "portal/confirm.html",
            {
                "heading": _("Delete the shipping template"),
                "message": template.name,
                "confirm_label": _("Delete"),
                "danger": True,
                "cancel_url": reverse("listings:product-shipping"),
                "fields": [],
            },
        )

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Delete, or say which products stand against it."""
        template = template_or_404(request, pk)
        try:
            shipping_template_delete(actor=request.member, template=template)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Deleted."))
        return redirect("listings:product-shipping")


def template_or_404(request: MemberRequest, pk: int) -> ShippingTemplate:
    """Return one of the shop's templates; foreign ones do not exist (K-8)."""
    found = ShippingTemplate.objects.filter(seller=request.seller, pk=pk)
    template = found.select_related("seller").first()
    if template is None:
        raise Http404
    return template
