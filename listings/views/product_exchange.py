"""Import and export of products (LST-2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from listings.exchange.reading import MAX_ROWS, ImportReport, import_products
from listings.exchange.uploads import import_keep, upload_drop, upload_named, upload_path
from listings.exchange.writing import (
    CSV,
    TYPES,
    XLSX,
    as_xlsx,
    export_rows,
    leaf_codes,
    template_rows,
)
from listings.products.queries import read_filters
from listings.services.product_catalogue import offers_of
from listings.views.product_form import find_categories
from listings.views.products import own_products
from portal import platform_time
from portal.choices import Action
from portal.exports import as_csv
from portal.http import MemberRequest
from portal.models import Category, Member
from portal.services.files import FileNotKept
from portal.views.base import SellerPage

MAX_BYTES = 20 * 1024 * 1024
SHOWN = 200


class ExchangePage(SellerPage):
    """Templates, exports, and imports with a preview."""

    write_action = Action.EDIT_PRODUCTS

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show what can be had and sent."""
        return self._show(request)

    def post(self, request: MemberRequest) -> HttpResponse:
        """Say what a file would change, or apply the one that was looked at."""
        strict = bool(request.POST.get("strict"))
        if request.POST.get("token"):
            return self._apply(request, strict)
        upload = request.FILES.get("file")
        if upload is None:
            return self._show(request, error=_("Choose a file."), status=400)
        if (upload.size or 0) > MAX_BYTES:
            return self._show(request, error=_("The file is larger than 20 MB."), status=400)
        try:
            name, token = import_keep(upload, request.member)
        except FileNotKept as refusal:
            return self._show(request, error=str(refusal), strict=strict, status=503)
        report = self._run(request.member, name, strict=strict, dry_run=True)
        if report.error or not report.writes or (strict and report.rejected):
            upload_drop(name)
            token = ""
        return self._show(
            request, report=report, token=token, strict=strict, status=400 if report.error else 200
        )

    def _apply(self, request: MemberRequest, strict: bool) -> HttpResponse:
        name = upload_named(request.POST["token"], request.member)
        if name is None:
            messages.error(request, _("This preview is no longer there. Send the file again."))
            return redirect("listings:product-exchange")
        report = self._run(request.member, name, strict=strict, dry_run=False)
        upload_drop(name)
        if report.rejected or report.error:
            return self._show(request, report=report, applied=True)
        messages.success(
            request,
            _("%(created)d products created, %(updated)d changed.")
            % {"created": report.created, "updated": report.updated},
        )
        return redirect("listings:products")

    def _run(self, member: Member, name: str, *, strict: bool, dry_run: bool) -> ImportReport:
        return import_products(
            upload_path(name),
            actor=member,
            seller=member.seller,
            strict=strict,
            dry_run=dry_run,
        )

    def _show(self, request: MemberRequest, *, status: int = 200, **context: Any) -> HttpResponse:
        asked = request.GET.get("category_q", "")[:100]
        report: ImportReport | None = context.get("report")
        return render(
            request,
            "listings/product_exchange.html",
            {
                "category_q": asked,
                "found": find_categories(asked) if asked else None,
                "count": own_products(request).filter(deleted_at__isnull=True).count(),
                "filter": request.GET.get("filter", ""),
                "may_edit": request.member.can(Action.EDIT_PRODUCTS),
                "max_rows": MAX_ROWS,
                "problems": report.problems[:SHOWN] if report else [],
                **context,
            },
            status=status,
        )


class ProductExport(SellerPage):
    """The products the list's filter finds, as a file."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Stream it; what is narrowed to a leaf has a column per attribute."""
        filters = read_filters(request.GET)
        filters.deleted = False
        products = filters.apply(own_products(request)).order_by("pk")
        products = products.select_related("category", "owner__user", "shipping_template")
        rows = export_rows(products.iterator(chunk_size=500), leaf_codes(filters.category))
        name = f"products-{platform_time.today().isoformat()}"
        return _file(rows, name, request.GET.get("format", CSV))


class ProductTemplate(SellerPage):
    """An empty file for one category, its attributes as columns."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Give the template of `?category=`."""
        code = request.GET.get("category", "")
        leaves = Category.objects.filter(is_leaf=True)
        category = leaves.filter(code=code).first() if "\0" not in code else None
        if category is None:
            raise Http404
        rows = template_rows(category, offers_of(category))
        return _file(rows, f"template-{category.pk}", request.GET.get("format", CSV))


def _file(rows: Iterator[list[str]], name: str, kind: str) -> HttpResponse:
    """Answer with a download; an unknown format does not exist."""
    if kind == XLSX:
        return FileResponse(
            as_xlsx(rows), as_attachment=True, filename=f"{name}.xlsx", content_type=TYPES[XLSX]
        )  # type: ignore[return-value]
    if kind != CSV:
        raise Http404
    response = StreamingHttpResponse(as_csv(rows), content_type=TYPES[CSV])
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response  # type: ignore[return-value]
