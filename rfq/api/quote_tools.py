"""Drafts, templates, self-check, follow-ups and figures of quotes over the API (RFQ-6, RFQ-12, RFQ-25)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response

from portal import platform_time
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.errors import InvalidInput
from portal.platform_time import Window, last_days
from rfq.api.quote_serializers import QuotePageSerializer, quote_rows
from rfq.api.quote_tool_serializers import (
    FollowUpPageSerializer,
    FollowUpSerializer,
    FollowUpTickSerializer,
    FunnelRequestSerializer,
    QuoteCheckRequestSerializer,
    QuoteCheckSerializer,
    QuoteDraftContentSerializer,
    QuoteDraftPageSerializer,
    QuoteDraftSerializer,
    QuoteFunnelSerializer,
    QuoteTemplatePageSerializer,
    QuoteTemplateSerializer,
    QuoteTemplateWriteSerializer,
)
from rfq.api.quotes import body_of, quote_or_404, rfq_or_404
from rfq.models import FollowUp, QuoteTemplate
from rfq.quotes.figures import quote_figures
from rfq.quotes.forms import terms_given
from rfq.quotes.period import DEFAULT_DAYS
from rfq.quotes.queries import follow_ups_due, needing_attention
from rfq.quotes.reading import check_of
from rfq.services.follow_ups import follow_up_tick, quote_follow_up
from rfq.services.quote_drafts import draft_delete, draft_of, draft_save, drafts_of
from rfq.services.quote_templates import template_delete, template_save


def checked(serializer: Any, request: ScopedRequest) -> dict[str, Any]:
    """Return what a body says, or raise the problems of its fields."""
    asked = serializer(data=body_of(request))
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


class DraftListView(ScopedView):
    """`GET /rfq/drafts`."""

    keyset = ("-saved_at", "-pk")

    @extend_schema(
        summary="The caller's drafts of quotes",
        parameters=PAGING,
        responses={200: QuoteDraftPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the drafts that can still become quotes, last saved first (RFQ-6)."""
        paginator = KeysetPagination()
        drafts = drafts_of(member=request.member).select_related("rfq")
        page = paginator.paginate_queryset(drafts, request, self)
        rows = QuoteDraftSerializer(page, many=True).data
        return Response({"results": rows, "next": paginator.get_next_link()})


class DraftView(ScopedView):
    """`GET`, `PUT` and `DELETE /rfq/rfqs/{rfq_id}/draft`."""

    write_action = Action.QUOTE

    @extend_schema(summary="The caller's draft on an RFQ", responses={200: QuoteDraftSerializer})
    def get(self, request: ScopedRequest, rfq_id: str) -> Response:
        """Return the draft."""
        draft = draft_of(member=request.member, rfq=rfq_or_404(rfq_id))
        if draft is None:
            raise Http404
        return Response(QuoteDraftSerializer(draft).data)

    @extend_schema(
        summary="Save a draft",
        request=QuoteDraftContentSerializer,
        responses={
            200: QuoteDraftSerializer,
            204: OpenApiResponse(description="Nothing to keep, or the shop has quoted the RFQ."),
        },
    )
    def put(self, request: ScopedRequest, rfq_id: str) -> Response:
        """Keep what was typed so far in place of what was kept before (RFQ-6)."""
        rfq = rfq_or_404(rfq_id)
        content = checked(QuoteDraftContentSerializer, request)
        known = draft_of(member=request.member, rfq=rfq)
        # Files are attached on the page; a draft saved over the API keeps them.
        content["files"] = known.content.get("files", []) if known else []
        draft = draft_save(member=request.member, rfq=rfq, content=content)
        return Response(QuoteDraftSerializer(draft).data) if draft else Response(status=204)

    @extend_schema(summary="Throw a draft away", responses={204: None})
    def delete(self, request: ScopedRequest, rfq_id: str) -> Response:
        """Delete the draft; without one nothing happens."""
        draft_delete(member=request.member, rfq=rfq_or_404(rfq_id))
        return Response(status=204)


TEMPLATE_REFUSED = OpenApiResponse(
    ProblemSerializer, description="`too_many_templates`; nothing was saved."
)


class TemplateListView(ScopedView):
    """`GET` and `POST /rfq/templates`."""

    write_action = Action.QUOTE

    @extend_schema(
        summary="The shop's quote templates", responses={200: QuoteTemplatePageSerializer}
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return all templates by name; the list is short (RFQ-25)."""
        templates = QuoteTemplate.objects.order_by("name")
        return Response(
            {"results": QuoteTemplateSerializer(templates, many=True).data, "next": None}
        )

    @extend_schema(
        summary="Make a template",
        request=QuoteTemplateWriteSerializer,
        responses={201: QuoteTemplateSerializer, 409: TEMPLATE_REFUSED},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Save a new template."""
        saved = template_save(
            member=request.member, **checked(QuoteTemplateWriteSerializer, request)
        )
        return Response(QuoteTemplateSerializer(saved).data, status=201)


class TemplateView(ScopedView):
    """`GET`, `PUT` and `DELETE /rfq/templates/{id}`."""

    write_action = Action.QUOTE

    def template(self, pk: int) -> QuoteTemplate:
        """Return a template of the shop in scope."""
        found = QuoteTemplate.objects.filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    @extend_schema(summary="One template", responses={200: QuoteTemplateSerializer})
    def get(self, request: ScopedRequest, pk: int) -> Response:
        """Return the template."""
        return Response(QuoteTemplateSerializer(self.template(pk)).data)

    @extend_schema(
        summary="Replace a template",
        request=QuoteTemplateWriteSerializer,
        responses={200: QuoteTemplateSerializer},
    )
    def put(self, request: ScopedRequest, pk: int) -> Response:
        """Replace what the template says."""
        template = self.template(pk)
        fields = checked(QuoteTemplateWriteSerializer, request)
        saved = template_save(member=request.member, template=template, **fields)
        return Response(QuoteTemplateSerializer(saved).data)

    @extend_schema(summary="Delete a template", responses={204: None})
    def delete(self, request: ScopedRequest, pk: int) -> Response:
        """Delete the template; quotes made from it stay."""
        template_delete(member=request.member, template=self.template(pk))
        return Response(status=204)


class SelfCheckView(ScopedView):
    """`POST /rfq/self-check`."""

    @extend_schema(
        summary="Check a quote before sending it",
        request=QuoteCheckRequestSerializer,
        responses={200: QuoteCheckSerializer},
    )
    def post(self, request: ScopedRequest) -> Response:
        """Return the checklist of a quote that is not sent yet; nothing is saved (RFQ-25)."""
        content = checked(QuoteCheckRequestSerializer, request)
        check = check_of(rfq_or_404(content.pop("rfq_id")), terms_given(content))
        return Response({"met": check.met, "items": [asdict(item) for item in check.items]})


class FollowUpListView(ScopedView):
    """`GET /rfq/follow-ups`."""

    keyset = ("due_on", "pk")

    @extend_schema(
        summary="Follow-ups that are due",
        parameters=PAGING,
        responses={200: FollowUpPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the shop's open follow-ups due by today, the longest due first (RFQ-25)."""
        paginator = KeysetPagination()
        due = follow_ups_due(request.seller, platform_time.today()).select_related("quote__rfq")
        page = paginator.paginate_queryset(due, request, self)
        rows = FollowUpSerializer(page, many=True).data
        return Response({"results": rows, "next": paginator.get_next_link()})


class QuoteFollowUpsView(ScopedView):
    """`GET` and `POST /rfq/quotes/{id}/follow-ups`."""

    write_action = Action.QUOTE

    @extend_schema(summary="Follow-ups of a quote", responses={200: FollowUpPageSerializer})
    def get(self, request: ScopedRequest, pk: int) -> Response:
        """Return the follow-ups, soonest first."""
        return self.answer(quote_or_404(request, pk).pk)

    @extend_schema(
        summary="Tick a follow-up",
        request=FollowUpTickSerializer,
        responses={200: FollowUpPageSerializer},
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Mark a follow-up as done or open; without `kind` settle all that are due (RFQ-25)."""
        quote = quote_or_404(request, pk)
        asked = checked(FollowUpTickSerializer, request)
        if "kind" not in asked:
            if not asked["done"]:
                raise InvalidInput([("kind", _("Say which follow-up is open again."))])
            quote_follow_up(member=request.member, quote=quote)
            return self.answer(quote.pk)
        row = FollowUp.objects.filter(quote=quote, kind=asked["kind"]).first()
        if row is None:
            raise InvalidInput([("kind", _("This quote has no such follow-up."))])
        follow_up_tick(member=request.member, follow_up=row, done=asked["done"])
        return self.answer(quote.pk)

    def answer(self, pk: int) -> Response:
        """Answer with all follow-ups of a quote."""
        rows = FollowUp.objects.filter(quote=pk).select_related("quote__rfq")
        data = FollowUpSerializer(rows.order_by("due_on", "pk"), many=True).data
        return Response({"results": data, "next": None})


class AttentionListView(ScopedView):
    """`GET /rfq/quotes/attention`."""

    keyset = ("rank", "-since", "-pk")

    @extend_schema(
        summary="Quotes that wait for the seller",
        parameters=PAGING,
        responses={200: QuotePageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return replied quotes, buyers with a badge first, then views without a reply (RFQ-12)."""
        paginator = KeysetPagination()
        quotes = needing_attention(request.seller, platform_time.now())
        page = paginator.paginate_queryset(quotes.select_related("rfq", "buyer"), request, self)
        rows = quote_rows(request.seller, page)
        return Response({"results": rows, "next": paginator.get_next_link()})


class FunnelView(ScopedView):
    """`GET /rfq/quotes/funnel`."""

    @extend_schema(
        summary="What became of the quotes of a period",
        parameters=[FunnelRequestSerializer],
        responses={200: QuoteFunnelSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return the funnel and the response times of quotes submitted in the period (RFQ-16)."""
        asked = FunnelRequestSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        last = asked.validated_data.get("last_day") or platform_time.today()
        first = asked.validated_data.get("first_day") or last_days(DEFAULT_DAYS, last).first
        if last < first:
            raise InvalidInput([("last_day", _("The last day lies before the first."))])
        figures = quote_figures(request.seller, Window(first, last), platform_time.now())
        return Response({"first_day": first, "last_day": last, **asdict(figures)})
