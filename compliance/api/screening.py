"""Screening hits of live products, cases of protected marks, chemicals (CMP-3 … CMP-5)."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from compliance.choices import MarkCaseState, TermEffect, TextPlace
from compliance.goods.chemical_reading import ChemicalRow, ChemicalState, ShopChemicals
from compliance.models import Certificate, MarkCase, ProductHit
from compliance.services.mark_cases import mark_case_answer
from compliance.services.rule_classes import classes_in_force
from portal import platform_time
from portal.api.keyset import PAGING, KeysetPagination
from portal.api.problems import ProblemSerializer
from portal.api.views import ScopedRequest, ScopedView
from portal.choices import Action
from portal.errors import InvalidInput


class ProductHitSerializer(serializers.Serializer):
    """A term found in a live product."""

    product_id = serializers.CharField()
    rule_class = serializers.CharField(help_text="Code of the class.")
    name = serializers.CharField(help_text="Name of the class in the caller's language.")
    effect = serializers.ChoiceField(TermEffect.choices)
    term = serializers.CharField()
    place = serializers.ChoiceField(TextPlace.choices)
    excerpt = serializers.CharField()
    advice = serializers.CharField()


class ProductHitPageSerializer(serializers.Serializer):
    """A page of hits."""

    results = ProductHitSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class MarkCaseSerializer(serializers.Serializer):
    """A live product whose title names a protected mark."""

    id = serializers.IntegerField()
    product_id = serializers.CharField()
    title = serializers.CharField()
    mark = serializers.CharField()
    number = serializers.CharField(help_text="Registration number, if known.")
    holder = serializers.CharField()
    nice_classes = serializers.ListField(child=serializers.IntegerField())
    state = serializers.ChoiceField(MarkCaseState.choices)
    opened_at = serializers.DateTimeField()
    answer = serializers.CharField()
    authorisation = serializers.IntegerField(allow_null=True, help_text="Id of a certificate.")
    answered_at = serializers.DateTimeField(allow_null=True)
    judged_at = serializers.DateTimeField(allow_null=True)
    judgement = serializers.CharField()


class MarkPageSerializer(serializers.Serializer):
    """A page of cases."""

    results = MarkCaseSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class MarkAnswerSerializer(serializers.Serializer):
    """A certificate that proves the authorisation, or a statement, or both."""

    authorisation = serializers.IntegerField(required=False, allow_null=True)
    statement = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class ChemicalProblemSerializer(serializers.Serializer):
    """Why a product may not be live."""

    code = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()


class ChemicalSerializer(serializers.Serializer):
    """A product the chemicals rules look at."""

    product_id = serializers.CharField()
    cas = serializers.CharField()
    substance = serializers.CharField(help_text="Empty when it is on no list.")
    state = serializers.ChoiceField([(one.value, one.value) for one in ChemicalState])
    live = serializers.BooleanField()
    problems = ChemicalProblemSerializer(many=True)


class ChemicalPageSerializer(serializers.Serializer):
    """A page of products by product id; `next` is the page after it, or null."""

    results = ChemicalSerializer(many=True)
    next = serializers.IntegerField(allow_null=True)


class HitListView(ScopedView):
    """`GET /compliance/screening`."""

    keyset = ("pk",)

    @extend_schema(
        summary="What screening found in the shop's live products",
        parameters=[
            OpenApiParameter("product_id", str),
            OpenApiParameter("rule_class", str, description="Code of a class in force."),
            *PAGING,
        ],
        responses={200: ProductHitPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page of hits, of one product or class if asked."""
        classes = classes_in_force(platform_time.today())
        if wanted := request.query_params.get("rule_class"):
            classes = classes.filter(code=wanted)
            if not classes.exists():
                raise InvalidInput([("rule_class", _("There is no such class."))])
        hits = ProductHit.objects.filter(rule_class__in=classes)
        hits = hits.select_related("product", "rule_class")
        product_id = request.query_params.get("product_id", "")
        if product_id:
            hits = hits.filter(product__product_id=product_id.replace("\0", ""))
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(hits, request, self)
        rows = [
            {
                "product_id": one.product.product_id,
                "rule_class": one.rule_class.code,
                "name": one.rule_class.name,
                "effect": one.rule_class.effect,
                "term": one.term,
                "place": one.place,
                "excerpt": one.excerpt,
                "advice": one.rule_class.advice,
            }
            for one in page
        ]
        return Response({"results": rows, "next": paginator.get_next_link()})


def case_row(case: MarkCase) -> dict[str, Any]:
    """Return the JSON of a case, read with its product and mark."""
    same = ("title", "state", "opened_at", "answer", "answered_at", "judged_at", "judgement")
    row = {
        **{name: getattr(case, name) for name in same},
        "id": case.pk,
        "product_id": case.product.product_id,
        "mark": case.mark.name,
        "number": case.mark.number,
        "holder": case.mark.holder,
        "nice_classes": case.mark.nice_classes,
        "authorisation": case.authorisation_id,
    }
    data: dict[str, Any] = MarkCaseSerializer(row).data
    return data


def case_or_404(pk: int) -> MarkCase:
    """Return a case of the shop in scope; a foreign one does not exist (K-8)."""
    cases = MarkCase.objects.select_related("product", "mark")
    case = cases.filter(pk=pk).first()
    if case is None:
        raise Http404
    return case


class MarkListView(ScopedView):
    """`GET /compliance/marks`."""

    keyset = ("-opened_at", "-pk")

    @extend_schema(
        summary="Protected marks in the shop's titles",
        parameters=[OpenApiParameter("state", str, enum=MarkCaseState.values), *PAGING],
        responses={200: MarkPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page of cases, newest first."""
        cases = MarkCase.objects.select_related("product", "mark")
        state = request.query_params.get("state", "")
        if state:
            if state not in MarkCaseState.values:
                raise InvalidInput([("state", _("There is no such state."))])
            cases = cases.filter(state=state)
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(cases, request, self)
        return Response(
            {"results": [case_row(one) for one in page], "next": paginator.get_next_link()}
        )


class MarkView(ScopedView):
    """`GET /compliance/marks/{id}`."""

    @extend_schema(summary="A case of a protected mark", responses={200: MarkCaseSerializer})
    def get(self, request: ScopedRequest, pk: int) -> Response:
        """Return it."""
        return Response(case_row(case_or_404(pk)))


class MarkAnswerView(ScopedView):
    """`POST /compliance/marks/{id}/answer`."""

    write_action = Action.EDIT_PRODUCTS

    @extend_schema(
        summary="Prove an authorisation or state why the mark does not protect here",
        request=MarkAnswerSerializer,
        responses={
            200: MarkCaseSerializer,
            409: OpenApiResponse(
                ProblemSerializer, description="`case_closed`: answered, fixed or judged already."
            ),
        },
    )
    def post(self, request: ScopedRequest, pk: int) -> Response:
        """Answer the case; staff judge it."""
        case = case_or_404(pk)
        asked = MarkAnswerSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        number = asked.validated_data.get("authorisation")
        proof = None
        if number is not None:
            proof = Certificate.objects.filter(pk=number).first()
            if proof is None:
                raise InvalidInput([("authorisation", _("There is no such certificate."))])
        answered = mark_case_answer(
            member=request.member,
            case=case,
            authorisation=proof,
            statement=asked.validated_data.get("statement", ""),
        )
        return Response(case_row(answered))


class ChemicalListView(ScopedView):
    """`GET /compliance/chemicals`."""

    @extend_schema(
        summary="The shop's chemicals and what each lacks",
        parameters=[
            OpenApiParameter("state", str, enum=[one.value for one in ChemicalState]),
            OpenApiParameter("page", int, description="From 1; 100 products each."),
        ],
        responses={200: ChemicalPageSerializer},
    )
    def get(self, request: ScopedRequest) -> Response:
        """Return a page of the products the chemicals rules look at."""
        state, page = request.query_params.get("state", ""), request.query_params.get("page", "1")
        if state and state not in set(ChemicalState):
            raise InvalidInput([("state", _("There is no such state."))])
        if not page.isdecimal() or not 1 <= int(page[:9]) < 10**8:
            raise InvalidInput([("page", _("A page is a number from 1."))])
        chemicals = ShopChemicals(request.seller)
        keys, start = chemicals.keys(state), (int(page[:9]) - 1) * 100
        rows = [_chemical(row) for row in chemicals.rows(keys[start : start + 100])]
        more = len(keys) > start + 100
        return Response({"results": rows, "next": int(page[:9]) + 1 if more else None})


def _chemical(row: ChemicalRow) -> dict[str, Any]:
    return {
        "product_id": row.product.product_id,
        "cas": row.product.cas,
        "substance": row.substance,
        "state": row.state.value,
        "live": row.product.live,
        "problems": [vars(one) for one in row.problems],
    }
