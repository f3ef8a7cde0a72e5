"""Repeated requests with an `Idempotency-Key` (API-1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from portal import platform_time
from portal.api.idempotency import IdempotentMixin
from portal.api.views import ScopedRequest, ScopedView
from portal.errors import InvalidInput, Refusal
from portal.models import IdempotentAnswer, Member, Seller, SellerFlag
from portal.scoping import unscoped
from portal.services.idempotency import answer_once, idempotent_answers_purge

pytestmark = [pytest.mark.django_db, pytest.mark.rule("API-1")]


def effect(seller: Seller, status: int = 201) -> Callable[[], tuple[int, Any]]:
    """An action that leaves one more row each time it runs."""

    def act() -> tuple[int, Any]:
        number = SellerFlag.objects.count() + 1
        SellerFlag.objects.create(seller=seller, code=f"n{number}", since=platform_time.today())
        return status, {"number": number, "amount": Decimal("1.50")}

    return act


def effects() -> int:
    """How often the action took effect."""
    return SellerFlag.objects.count()


def remembered() -> int:
    """Answers kept."""
    with unscoped():
        return IdempotentAnswer.objects.count()


# --- The service --------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_the_same_request_again_gets_the_first_answer(shop: Seller, other_shop: Seller) -> None:
    first = answer_once(seller=shop, key="k", request_digest="a", act=effect(shop))
    assert first == (201, {"number": 1, "amount": "1.50"}, False)
    again = answer_once(seller=shop, key="k", request_digest="a", act=effect(shop))
    assert again == (*first[:2], True)
    assert effects() == 1
    other = answer_once(seller=other_shop, key="k", request_digest="a", act=effect(other_shop))
    assert other == (201, {"number": 2, "amount": "1.50"}, False)


@pytest.mark.both_databases
def test_a_key_belongs_to_one_request(shop: Seller) -> None:
    answer_once(seller=shop, key="k", request_digest="a", act=effect(shop))
    with pytest.raises(Refusal) as refused:
        answer_once(seller=shop, key="k", request_digest="b", act=effect(shop))
    assert refused.value.code == "idempotency_key_reused"
    assert effects() == 1


@pytest.mark.both_databases
def test_what_is_refused_leaves_nothing_and_may_be_tried_again(shop: Seller) -> None:
    def refused() -> tuple[int, Any]:
        effect(shop)()
        raise Refusal("closed", "Closed meanwhile.")

    with pytest.raises(Refusal, match="Closed"):
        answer_once(seller=shop, key="k", request_digest="a", act=refused)
    assert (effects(), remembered()) == (0, 0)
    failing = effect(shop, status=409)
    assert answer_once(seller=shop, key="k", request_digest="a", act=failing)[0] == 409
    assert (effects(), remembered()) == (0, 0)
    done = answer_once(seller=shop, key="k", request_digest="a", act=effect(shop))
    assert done == (201, {"number": 1, "amount": "1.50"}, False)


@pytest.mark.both_databases
def test_effect_and_answer_are_undone_together(shop: Seller) -> None:
    with transaction.atomic():
        answer_once(seller=shop, key="k", request_digest="a", act=effect(shop))
        transaction.set_rollback(True)
    assert (effects(), remembered()) == (0, 0)


@pytest.mark.parametrize("key", ["", "  ", "x" * 129, "a\tb", "é", "键"])
def test_a_key_is_short_printable_text(shop: Seller, key: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        answer_once(seller=shop, key=key, request_digest="a", act=effect(shop))
    assert [name for name, _text in refused.value.fields] == ["Idempotency-Key"]
    assert effects() == 0


def test_the_longest_key_is_taken(shop: Seller) -> None:
    assert answer_once(seller=shop, key="~" * 128, request_digest="a", act=effect(shop))[0] == 201


def test_answers_are_kept_for_a_week(shop: Seller, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_once(seller=shop, key="k", request_digest="a", act=effect(shop))
    start = platform_time.wall_clock()
    monkeypatch.setattr(platform_time, "wall_clock", lambda: start + timedelta(days=6, hours=23))
    assert idempotent_answers_purge() == 0
    monkeypatch.setattr(platform_time, "wall_clock", lambda: start + timedelta(days=7, hours=1))
    assert idempotent_answers_purge() == 1
    assert remembered() == 0


# --- The header ---------------------------------------------------------------------------------


class SpendView(IdempotentMixin, ScopedView):
    """A spending POST."""

    parser_classes = [JSONParser, MultiPartParser]

    def post(self, request: ScopedRequest) -> Response:
        """Do it once."""
        return self.answer_once(request, effect(request.seller))


@pytest.fixture
def post(owner: Member) -> Callable[..., Any]:
    """Call the view as the owner: `post(data, key=…, path=…, format=…)`."""

    def call(
        data: Any, *, key: str | None = "k", path: str = "/spend", format: str = "json"
    ) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        request = APIRequestFactory().post(path, data, format=format, headers=headers)
        force_authenticate(request, owner.user)
        request.session = {}  # type: ignore[attr-defined]
        answer = SpendView.as_view()(request)
        answer.render()
        return answer

    return call


def test_a_repeated_post_is_answered_the_same_and_says_so(post: Callable[..., Any]) -> None:
    first, again = post({"a": 1, "b": 2}), post({"b": 2, "a": 1})
    assert (first.status_code, again.status_code) == (201, 201)
    assert json.loads(again.content) == json.loads(first.content)
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert effects() == 1


def test_without_a_key_every_post_counts(post: Callable[..., Any]) -> None:
    assert [post({}, key=None).data["number"] for _ in range(2)] == [1, 2]
    assert remembered() == 0


@pytest.mark.parametrize("other", [{"data": {"a": 2}}, {"path": "/spend?a"}, {"path": "/other"}])
def test_another_body_or_address_with_the_key_is_refused(
    post: Callable[..., Any], other: dict[str, Any]
) -> None:
    post({"a": 1})
    answer = post(**{"data": {"a": 1}} | other)
    assert (answer.status_code, answer.data["code"]) == (409, "idempotency_key_reused")
    assert effects() == 1


def test_uploads_are_told_apart_by_their_content(post: Callable[..., Any]) -> None:
    def upload(content: bytes) -> Any:
        file = SimpleUploadedFile("proof.png", content)
        return post({"text": "x", "file": file}, format="multipart")

    assert [upload(content).status_code for content in (b"1", b"1", b"2")] == [201, 201, 409]
    assert effects() == 1


def test_a_key_that_is_none_is_a_bad_header(post: Callable[..., Any]) -> None:
    answer = post({}, key="")
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "Idempotency-Key")
    assert effects() == 0
