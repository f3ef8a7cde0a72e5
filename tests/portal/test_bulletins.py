"""Bulletins: shown and told to whom they concern, with questions and answers (K-17)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from auditlog.models import LogEntry

from portal import platform_time
from portal.audience import audience_errors, condition_holds
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Bulletin, BulletinQuestion, Buyer, Member, Notice, Order, Seller, User
from portal.scoping import unscoped
from portal.services.bulletins import (
    bulletin_answer,
    bulletin_ask,
    bulletin_find,
    bulletin_mark_read,
    bulletin_publish,
    bulletin_save,
    bulletins_announce,
    bulletins_for,
)
from tests import factories

pytestmark = [pytest.mark.rule("K-17"), pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _clock(clock: object) -> None:
    """Every test lives on 2022-08-03."""


def bulletin(slug: str = "august", **fields: object) -> Bulletin:
    defaults = {
        "title_en": slug.title(),
        "body_en": "Text",
        "published_at": platform_time.now() - timedelta(hours=1),
    }
    return Bulletin.objects.create(slug=slug, **{**defaults, **fields})


def slugs(seller: Seller, member: Member | None = None) -> list[str]:
    return [found.slug for found in bulletins_for(seller=seller, member=member)]


def told() -> set[tuple[str, str]]:
    with unscoped():
        return set(Notice.objects.values_list("user__username", "kind"))


def sell(seller: Seller, destination: str, **fields: object) -> None:
    buyer, _made = Buyer.objects.get_or_create(buyer_id="b", defaults={"country": "US"})
    moment = platform_time.now()
    with unscoped():
        Order.objects.create(
            order_id=f"{seller.pk}-{destination}-{fields}",
            seller=seller,
            buyer=buyer,
            channel="trade_assurance",
            kind="rts",
            amount=10,
            created_at=moment,
            destination=destination,
            **{"paid_at": moment, **fields},
        )


# --- Audience -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "op", "value", "concerned"),
    [
        ("membership", "eq", "verified", True),
        ("membership", "eq", "basic", False),
        ("membership", "in", ["basic", "verified"], True),
        ("assessed_star", "gte", 2, True),
        ("assessed_star", "gt", 2, False),
        ("assessed_star", "lte", 2, True),
        ("assessed_star", "lt", 2, False),
        ("assessed_star", "in", [0, 2], True),
        ("company_type", "ne", "trader", True),
        ("industry", "eq", "sports", True),
        ("industry", "eq", "home", False),
        ("province", "eq", "Zhejiang", True),
        ("province", "in", ["Guangdong"], False),
        ("sold_to", "eq", "DE", True),
        ("sold_to", "eq", "FR", False),
        ("sold_to", "in", ["FR", "DE"], True),
        ("sold_to", "ne", "DE", False),
        ("sold_to", "ne", "FR", True),
    ],
)
def test_a_bulletin_concerns_whom_its_condition_says(
    shop: Seller, field: str, op: str, value: object, concerned: bool
) -> None:
    shop.assessed_star, shop.province = 2, "Zhejiang"
    shop.save()
    sell(shop, "DE")
    condition = {"field": field, "op": op, "value": value}
    assert audience_errors([condition]) == []
    bulletin(audience=[condition])
    assert bool(slugs(shop)) is concerned


@pytest.mark.parametrize("fields", [{"paid_at": None}, {"fake": True}])
def test_only_paid_honest_orders_count_as_sold(shop: Seller, fields: dict) -> None:
    sell(shop, "DE", **fields)
    bulletin(audience=[{"field": "sold_to", "op": "eq", "value": "DE"}])
    assert slugs(shop) == []


def test_all_conditions_must_hold_and_none_means_everybody(shop: Seller) -> None:
    membership = {"field": "membership", "op": "eq", "value": "verified"}
    star = {"field": "assessed_star", "op": "gte", "value": 3}
    bulletin("everybody", audience=[])
    bulletin("one", audience=[membership])
    bulletin("both", audience=[membership, star])
    assert set(slugs(shop)) == {"everybody", "one"}


def test_a_condition_on_a_field_that_is_gone_concerns_nobody(shop: Seller) -> None:
    bulletin(audience=[{"field": "gone", "op": "ne", "value": "x"}])
    assert slugs(shop) == []


def test_a_missing_value_meets_only_ne() -> None:
    assert condition_holds({"op": "ne", "value": 1}, None)
    assert not condition_holds({"op": "lt", "value": 1}, None)


@pytest.mark.rule("GRO-6")
@pytest.mark.parametrize("wanted", [0.1, "0.1", "0.10"])
def test_a_fraction_is_compared_as_it_was_written(wanted: float | str) -> None:
    tenth, less = Decimal("0.1000"), Decimal("0.0999")
    for op in ("eq", "gte", "lte"):
        assert condition_holds({"op": op, "value": wanted}, tenth), op
    for op in ("ne", "gt", "lt"):
        assert not condition_holds({"op": op, "value": wanted}, tenth), op
    assert condition_holds({"op": "in", "value": [7, wanted]}, tenth)
    assert not condition_holds({"op": "gte", "value": wanted}, less)
    assert audience_errors([{"metric": "ext.x", "op": "gte", "value": wanted}]) == []


@pytest.mark.parametrize("wanted", ["much", "", "NaN", "1e999x", True, None])
def test_a_metric_is_compared_with_a_number(wanted: object) -> None:
    assert audience_errors([{"metric": "ext.x", "op": "gte", "value": wanted}])


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"field": "asessed_sta", "op": "eq", "value": "x"}, "assessed_star"),
        ({"field": "membership", "op": "gte", "value": "basic"}, "eq, ne, in"),
        ({"field": "membership", "op": "eq", "value": "verfied"}, "verified"),
        ({"field": "industry", "op": "eq", "value": "sport"}, "sports"),
        ({"field": "sold_to", "op": "eq", "value": "Germany"}, "not a value"),
        ({"field": "assessed_star", "op": "gte", "value": "2"}, "number"),
        ({"field": "assessed_star", "op": "gte", "value": True}, "number"),
        ({"field": "membership", "op": "in", "value": "basic"}, "list"),
        ({"field": "membership", "op": "eq", "value": ["basic"]}, "one value"),
        ({"field": "membership", "op": "eq"}, "exactly the keys"),
        ("membership", "exactly the keys"),
    ],
)
def test_a_wrong_condition_is_refused_with_the_nearest_names(
    staff: User, categories: object, condition: object, told: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        bulletin_save(actor=staff, fields={"slug": "x", "title_en": "X", "audience": [condition]})
    ((field, text),) = refusal.value.fields
    assert field == "audience"
    assert text.startswith("[0] ")
    assert told in text
    assert not Bulletin.objects.exists()


# --- Reading ------------------------------------------------------------------------------------


def test_unread_come_first_then_newest(shop: Seller, owner: Member, colleague: Member) -> None:
    hours = {"old": 3, "middle": 2, "new": 1}
    made = {
        slug: bulletin(slug, published_at=platform_time.now() - timedelta(hours=ago))
        for slug, ago in hours.items()
    }
    bulletin_mark_read(member=owner, bulletin=made["new"])
    bulletin_mark_read(member=owner, bulletin=made["new"])
    assert slugs(shop, owner) == ["middle", "old", "new"]
    assert slugs(shop, colleague) == ["new", "middle", "old"]


def test_drafts_and_later_ones_are_not_shown(shop: Seller) -> None:
    bulletin("draft", published_at=None)
    bulletin("later", published_at=platform_time.now() + timedelta(seconds=1))
    assert slugs(shop) == []
    with pytest.raises(Bulletin.DoesNotExist):
        bulletin_find(seller=shop, slug="draft")


def test_many_bulletins_take_as_many_queries_as_one(
    shop: Seller, owner: Member, django_assert_max_num_queries: object
) -> None:
    for number in range(15):
        bulletin(f"b{number}", audience=[{"field": "membership", "op": "ne", "value": "basic"}])
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        assert len(slugs(shop, owner)) == 15


# --- Publishing ---------------------------------------------------------------------------------


def test_publishing_tells_the_members_concerned_once(
    shop: Seller, owner: Member, stranger: Member, staff: User
) -> None:
    Seller.objects.filter(pk=shop.pk).update(assessed_star=4)
    made = bulletin(
        published_at=None, audience=[{"field": "assessed_star", "op": "gte", "value": 4}]
    )
    bulletin_publish(actor=staff, bulletin=made)
    assert made.published_at == platform_time.now()
    assert bulletins_announce() == 1
    assert told() == {("owner", "bulletin_published")}
    # A run that died before it could tick the bulletin off is repeated without an echo.
    Bulletin.objects.update(announced_at=None)
    assert bulletins_announce() == 0
    with pytest.raises(Refusal) as refusal:
        bulletin_publish(actor=staff, bulletin=made)
    assert refusal.value.code == "already_published"


def test_publishing_hands_over_after_commit(
    owner: Member, staff: User, django_capture_on_commit_callbacks: object
) -> None:
    made = bulletin(published_at=None)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        bulletin_publish(actor=staff, bulletin=made)
        assert told() == set()
    assert told() == {("owner", "bulletin_published")}


def test_after_publication_only_the_wording_changes(staff: User, owner: Member) -> None:
    made = bulletin()
    bulletin_save(actor=staff, bulletin=made, fields={"title_en": "Better"})
    made.refresh_from_db()
    assert made.title_en == "Better"
    with pytest.raises(Refusal) as refusal:
        bulletin_save(
            actor=staff,
            bulletin=made,
            fields={
                "title_en": "Worse",
                "audience": [{"field": "membership", "op": "eq", "value": "basic"}],
            },
        )
    assert refusal.value.code == "published"
    made.refresh_from_db()
    assert (made.title_en, made.audience) == ("Better", [])
    entry = LogEntry.objects.get_for_object(made).get()
    assert entry.changes == {"title_en": ["August", "Better"]}


@pytest.mark.parametrize("url", ["https://elsewhere.example/", "//elsewhere.example", "page"])
def test_action_items_stay_in_the_portal(staff: User, url: str) -> None:
    with pytest.raises(InvalidInput):
        bulletin_save(
            actor=staff,
            fields={"slug": "x", "title_en": "X", "actions": [{"text_en": "Go", "url": url}]},
        )
    assert not Bulletin.objects.exists()


def test_staff_need_the_permission(owner: Member) -> None:
    nobody = factories.user_create("nobody", is_staff=True)
    made = bulletin(published_at=None)
    with pytest.raises(NotAllowed):
        bulletin_publish(actor=nobody, bulletin=made)
    with pytest.raises(NotAllowed):
        bulletin_save(actor=nobody, bulletin=made, fields={"title_en": "Mine"})
    made.refresh_from_db()
    assert (made.published_at, made.title_en) == (None, "August")


# --- Questions ----------------------------------------------------------------------------------


def test_questions_are_taken_until_the_deadline(owner: Member, clock: object) -> None:
    deadline = platform_time.now() + timedelta(hours=1)
    made = bulletin(questions_until=deadline)
    clock((deadline - timedelta(seconds=1)).isoformat())  # type: ignore[operator]
    bulletin_ask(member=owner, bulletin=made, text=" When? ")
    clock(deadline.isoformat())  # type: ignore[operator]
    with pytest.raises(Refusal) as refusal:
        bulletin_ask(member=owner, bulletin=made, text="Too late?")
    assert refusal.value.code == "questions_closed"
    with unscoped():
        assert list(BulletinQuestion.objects.values_list("text", flat=True)) == ["When?"]


def test_viewers_do_not_ask_and_a_question_has_a_text(owner: Member, viewer: Member) -> None:
    made = bulletin(questions_until=platform_time.now() + timedelta(hours=1))
    with pytest.raises(NotAllowed):
        bulletin_ask(member=viewer, bulletin=made, text="May I?")
    for text in ("  ", "x" * 2001):
        with pytest.raises(InvalidInput):
            bulletin_ask(member=owner, bulletin=made, text=text)
    with unscoped():
        assert not BulletinQuestion.objects.exists()


def test_a_bulletin_for_others_cannot_be_asked_about(owner: Member) -> None:
    made = bulletin(
        audience=[{"field": "membership", "op": "eq", "value": "basic"}],
        questions_until=platform_time.now() + timedelta(hours=1),
    )
    with pytest.raises(Refusal) as refusal:
        bulletin_ask(member=owner, bulletin=made, text="What is this?")
    assert refusal.value.code == "not_concerned"


def test_the_asker_hears_the_answer_once(owner: Member, colleague: Member, staff: User) -> None:
    made = bulletin(questions_until=platform_time.now() + timedelta(hours=1))
    question = bulletin_ask(member=colleague, bulletin=made, text="When?")
    bulletin_answer(actor=staff, question=question, answer="Soon.")
    bulletin_answer(actor=staff, question=question, answer="On Monday.")
    with unscoped():
        question.refresh_from_db()
        assert Notice.objects.count() == 1
    assert (question.answer, question.answered_by) == ("On Monday.", staff)
    assert told() == {("colleague", "question_answered")}
    with pytest.raises(NotAllowed):
        bulletin_answer(actor=owner.user, question=question, answer="Never.")
