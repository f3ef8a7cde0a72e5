"""Themes, the check and the matched list over the API (LST-5 … LST-9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import F
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from listings.api.theme_serializers import (
    BenefitsSerializer,
    CheckRequestSerializer,
    CheckSerializer,
    MatchHistorySerializer,
    MatchPageSerializer,
    MatchSerializer,
    SimilarPageSerializer,
    ThemePageSerializer,
    ThemeSerializer,
)
from listings.choices import ProductKind
from listings.models import Product, Theme
from listings.themes.benefits import benefits_for
from listings.themes.draft_check import CheckResult, check_draft, check_product
from listings.themes.match_history import ENTERED, LEFT, Position, events_page
from listings.themes.params import read_theme_query
from listings.themes.queries import (
    ORDERINGS,
    count_for_themes,
    match_totals,
    matches_of,
    own_products_by_category,
    themes_day,
    themes_in_force,
    with_own_first,
)
from listings.themes.similar import similar_products
from portal import platform_time
from portal.api.keyset import DEFAULT_SIZE, PAGING, KeysetPagination, read_cursor, write_cursor
from portal.api.views import ScopedRequest, ScopedView
from portal.errors import InvalidInput
from portal.ingest.columns import CellError, Code
from portal.nightly.published import read_as_of

_EXTERNAL_ID = Code("id")

AS_OF = OpenApiParameter(
    "as_of",
    date,
    description="The newest published day at or before this one; default: the newest.",
)


def _theme_or_404(theme_id: str) -> Theme:
    theme = Theme.objects.select_related("category").filter(theme_id=_clean_id(theme_id)).first()
    if theme is None:
        raise Http404
    return theme


def _clean_id(raw: Any) -> str:
    """Return an external id fit for a query; what cannot be one is not found."""
    try:
        return _EXTERNAL_ID.clean(raw)
    except CellError:
        raise Http404 from None


def _as_of(request: Request) -> date | None:
    """Return the published day to answer for; 400 when the day asked for lies ahead."""
    return themes_day(read_as_of(request.query_params.get("as_of")))


class ThemeListView(ScopedView):
    """`GET /listings/themes`."""

    pagination_class = KeysetPagination
    keyset = ("-own", "-sort_key", "-pk")

    @extend_schema(
        summary="Themes in force today, own categories first",
        parameters=[
            OpenApiParameter("category", str, description="Code; the whole subtree counts."),
            OpenApiParameter("country", str, description="Themes that name this ISO country."),
            OpenApiParameter("kind", str, enum=ProductKind.values),
            OpenApiParameter("national", bool, description="With target countries, or without."),
            OpenApiParameter("q", str, description="In a title, or the theme id."),
            OpenApiParameter("ordering", str, enum=list(ORDERINGS)),
            *PAGING,
        ],
        responses={200: ThemePageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page of themes with the shop's counts (LST-5)."""
        query = read_theme_query(request.query_params)
        if query.errors:
            raise InvalidInput(list(query.errors.items()))
        own = own_products_by_category(request.seller)
        themes = themes_in_force(query.filters)
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(
            with_own_first(themes, request.seller, own, query.ordering), request, self
        )
        day = themes_day()
        return Response(
            {
                "results": _theme_rows(page, request.seller, day, own),
                "next": paginator.get_next_link(),
                "count": themes.count(),
                "as_of": day,
            }
        )


def _theme_rows(themes: Sequence[Theme], seller: Any, day: date | None, own: dict[int, int]) -> Any:
    context = {
        "today": platform_time.today(),
        "counts": count_for_themes(themes, seller, day, own),
    }
    return ThemeSerializer(themes, many=True, context=context).data


class ThemeDetailView(ScopedView):
    """`GET /listings/themes/{theme_id}`."""

    @extend_schema(
        summary="One theme, in force or not",
        responses={200: ThemeSerializer},
    )
    def get(self, request: ScopedRequest, theme_id: str) -> Response:
        """Return the theme with the shop's counts (LST-6)."""
        own = own_products_by_category(request.seller)
        themes = Theme.objects.select_related("category").filter(theme_id=_clean_id(theme_id))
        found = list(with_own_first(themes, request.seller, own, "traffic"))
        if not found:
            raise Http404
        return Response(_theme_rows(found, request.seller, themes_day(), own)[0])


class SimilarView(ScopedView):
    """`GET /listings/themes/{theme_id}/similar`."""

    @extend_schema(
        summary="Own products nearest to a theme",
        responses={200: SimilarPageSerializer},
    )
    def get(self, request: ScopedRequest, theme_id: str) -> Response:
        """Return up to 20 products, those that fail fewest requirements first (LST-6)."""
        theme, day = _theme_or_404(theme_id), themes_day()
        found = similar_products(theme, request.seller, day)
        return Response(SimilarPageSerializer({"as_of": day, "results": found, "next": None}).data)


class CheckView(ScopedView):
    """`POST /listings/check`: saves nothing, so that every member may."""

    @extend_schema(
        summary="Check a product or a draft against a theme",
        request=CheckRequestSerializer,
        responses={200: CheckSerializer},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Return each requirement, met or not and why, and other themes within reach (LST-7)."""
        body = request.data
        if not isinstance(body, dict):
            raise InvalidInput([("", _("Send a JSON object."))])
        return Response(CheckSerializer(self._check(body)).data)

    def _check(self, body: dict[str, Any]) -> CheckResult:
        errors = []
        product, product_id = body.get("product"), body.get("product_id")
        if body.get("theme_id") in (None, ""):
            errors.append(("theme_id", _("Name the theme.")))
        if (product is None) == (product_id is None):
            errors.append(("product", _("Send either product or product_id.")))
        elif product is not None and not isinstance(product, dict):
            errors.append(("product", _("Send the draft as a JSON object.")))
        if errors:
            raise InvalidInput(errors)
        theme = _theme_or_404(body["theme_id"])
        if product is not None:
            return check_draft(theme, product)
        stored = Product.objects.filter(product_id=_clean_id(product_id)).first()
        if stored is None:
            raise Http404
        return check_product(theme, stored)


class MatchListView(ScopedView):
    """`GET /listings/matches`."""

    keyset = ("theme_code", "product_code")

    @extend_schema(
        summary="The matched list as of a day",
        parameters=[AS_OF, OpenApiParameter("theme_id", str), *PAGING],
        responses={200: MatchPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return who matched what as of the newest published day at or before `as_of` (LST-8)."""
        day = _as_of(request)
        matches, theme = matches_of(request.seller, day), None
        if request.query_params.get("theme_id"):
            theme = _theme_or_404(request.query_params["theme_id"])
            matches = matches.filter(theme=theme)
        totals = match_totals(request.seller, day, theme=theme)
        paginator = KeysetPagination()
        rows = matches.annotate(
            theme_code=F("theme__theme_id"), product_code=F("product__product_id")
        )
        page = paginator.paginate_queryset(rows, request, self)
        return Response(
            {
                "as_of": day,
                "total": totals.matches,
                "national": totals.national_matches,
                "products": totals.products,
                "national_products": totals.national_products,
                "results": MatchSerializer(page, many=True).data,
                "next": paginator.get_next_link(),
            }
        )


class MatchHistoryView(ScopedView):
    """`GET /listings/matches/history`."""

    @extend_schema(
        summary="Products that entered and left the matched list",
        parameters=[
            AS_OF,
            OpenApiParameter("theme_id", str),
            OpenApiParameter("event", str, enum=[ENTERED, LEFT]),
            *PAGING,
        ],
        responses={200: MatchHistorySerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return events newest first, each with its reasons (LST-8)."""
        day, asked = _as_of(request), request.query_params
        kind = asked.get("event", "")
        if kind not in ("", ENTERED, LEFT):
            raise InvalidInput([("event", _("Write entered or left."))])
        theme = _theme_or_404(asked["theme_id"]) if asked.get("theme_id") else None
        size = KeysetPagination().get_page_size(request) or DEFAULT_SIZE
        events, more = events_page(
            request.seller, day, kind=kind, theme=theme, after=_position(request), limit=size
        )
        cursor = write_cursor([more.day, more.match]) if more else None
        url = request.build_absolute_uri()
        page = {
            "as_of": day,
            "results": events,
            "next": replace_query_param(url, "cursor", cursor) if cursor else None,
        }
        return Response(MatchHistorySerializer(page).data)


def _position(request: Request) -> Position | None:
    cursor = request.query_params.get("cursor")
    if not cursor:
        return None
    position = Position.of(read_cursor(cursor, 2))
    if position is None:
        raise InvalidInput([("cursor", _("This cursor is not valid."))])
    return position


class BenefitsView(ScopedView):
    """`GET /listings/benefits`."""

    @extend_schema(summary="What matched products get today", responses={200: BenefitsSerializer})
    def get(self, request: ScopedRequest) -> Response:
        """Return the benefits table and the promotion's conditions for the shop (LST-9)."""
        today = platform_time.today()
        table = benefits_for(request.seller, today)
        answer = {
            "day": today,
            "rulebook": table.rulebook.version if table else None,
            "results": table.rows if table else [],
            "promotions": table.promotions if table else [],
            "next": None,
        }
        return Response(BenefitsSerializer(answer).data)
