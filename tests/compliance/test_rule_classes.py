"""Staff write rule classes, test them against live products, publish and end them (CMP-1, CMP-3)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from compliance.goods.term_lists import pasted_lines
from compliance.models import ProductHit, Rescreening, RuleClass, Term
from compliance.screening import screen_texts
from compliance.services.live_test import live_test
from compliance.services.rescreening import rescreen_all, rescreen_chunk, rescreen_days_begun
from compliance.services.rule_classes import (
    RuleClassFields,
    rule_class_publish,
    rule_class_save,
    rule_class_withdraw,
    terms_import,
)
from compliance.tasks import rescreen
from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Category, Notice, Seller, User
from portal.scoping import unscoped
from tests import factories
from tests.compliance.test_screening import feed, stored_hits, text

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
TODAY = date(2022, 8, 3)


@pytest.fixture(autouse=True)
def _clock(clock: Any) -> None:
    """Stand still."""


def draft(actor: User, terms: str = "plutonium\n! plutonium free", **over: Any) -> RuleClass:
    fields: dict[str, Any] = {
        "code": "nuclear", "name_en": "Nuclear", "name_zh": "核", "effect": "forbid",
        "starts_on": TODAY, "source": "A notice",
    } | over  # fmt: skip
    made = rule_class_save(actor=actor, fields=RuleClassFields(**fields))
    if terms:
        terms_import(actor=actor, rule_class=made, lines=pasted_lines(terms), mode="add")
    return made


def actions() -> list[str]:
    rows = LogEntry.objects.order_by("pk").values_list("additional_data__action", flat=True)
    return [one for one in rows if one.startswith("rule_class")]


@pytest.mark.rule("CMP-1", "K-19")
def test_a_draft_binds_nobody_until_it_is_published(
    staff: User, shop: Seller, owner: Any, category: Category
) -> None:
    feed(shop, title="Plutonium kit")
    feed(shop, "free", title="Plutonium free kit")
    made = draft(staff)
    kit = text(category, title="Plutonium kit")
    assert screen_texts([kit]) == [[]]
    assert [hit.term for hit in screen_texts([kit], extra_classes=[made])[0]] == ["plutonium"]
    rule_class_publish(actor=staff, rule_class=made, starts_on=TODAY)
    assert [hit.term for hit in screen_texts([kit])[0]] == ["plutonium"]
    assert stored_hits() == set()
    rescreen_all()
    assert stored_hits() == {("nuclear", "plutonium", "title")}
    assert stored_hits("free") == set()
    with unscoped():
        notice = Notice.objects.get(kind="screening_hits")
        assert (notice.user, notice.params["count"]) == (owner.user, 1)
    assert actions() == ["rule_class.create", "rule_class.terms", "rule_class.publish"]
    with pytest.raises(Refusal) as again:
        rule_class_publish(actor=staff, rule_class=made, starts_on=TODAY)
    assert again.value.code == "already_published"


@pytest.mark.rule("CMP-1")
def test_only_those_who_may_publish_touch_what_is_published(staff: User) -> None:
    made = draft(staff)
    editor = factories.user_create("editor", is_staff=True)
    with pytest.raises(NotAllowed):
        rule_class_publish(actor=editor, rule_class=made, starts_on=TODAY)
    with pytest.raises(NotAllowed):
        draft(editor, code="other")
    officer = factories.user_create("officer", is_staff=True)
    officer.groups.add(Group.objects.get(name="risk officer"))
    rule_class_publish(actor=officer, rule_class=made, starts_on=TODAY)
    with pytest.raises(NotAllowed):
        terms_import(actor=editor, rule_class=made, lines=pasted_lines("x ray"), mode="add")
    assert Term.objects.filter(rule_class=made).count() == 2
    terms_import(actor=officer, rule_class=made, lines=pasted_lines("x ray"), mode="add")
    assert Term.objects.filter(rule_class=made).count() == 3


@pytest.mark.rule("CMP-1")
def test_a_list_is_taken_with_a_report(staff: User) -> None:
    made = draft(staff, terms="gun x\nold one")
    lines = pasted_lines("# note\ngun x\nＧＵＮ Ｘ\n\nnew one\n! old one\na\n!!!\n枪")
    report = terms_import(actor=staff, rule_class=made, lines=lines, mode="add")
    assert ([one.text for one in report.added], [one.text for one in report.changed]) == (
        ["new one", "枪"], ["old one"],
    )  # fmt: skip
    assert [(one.row, one.text) for one in report.duplicates] == [(3, "ＧＵＮ Ｘ")]
    assert [one.row for one in report.refused] == [7, 8]
    assert report.unchanged == 1
    with pytest.raises(InvalidInput):
        terms_import(actor=staff, rule_class=made, lines=lines, mode="add")
    gone = terms_import(
        actor=staff, rule_class=made, lines=pasted_lines("new one\n枪"), mode="replace"
    )
    assert gone.removed == ["gun x", "old one"]
    assert set(made.terms.values_list("text", flat=True)) == {"new one", "枪"}


@pytest.mark.rule("CMP-3")
def test_thousands_of_terms_come_from_a_file_and_go_back_into_one(
    staff: User, staff_client: Client, shop: Seller
) -> None:
    feed(shop, title="Kit with term1234x")
    made = draft(staff, terms="")
    content = "term,exception\n" + "".join(f"term{n}x,no\n" for n in range(3_000)) + "mild,yes\n"
    url = f"/admin/compliance/ruleclass/{made.pk}/terms/"
    upload = SimpleUploadedFile("terms.csv", content.encode(), content_type="text/csv")
    checked = staff_client.post(url, {"mode": "add", "text": "", "file": upload, "check": "1"})
    page = checked.content.decode()
    assert "3,001 terms are new" in page
    assert "Kit with term1234x" in page  # what it would hit
    assert not made.terms.exists()
    kept = checked.context["form"].initial["text"]
    assert staff_client.post(url, {"mode": "add", "text": kept, "save": "1"}).status_code == 302
    assert made.terms.filter(excuse=True).get().text == "mild"
    export = staff_client.get(f"/admin/compliance/ruleclass/{made.pk}/export/")
    rows = b"".join(export.streaming_content).decode().split()
    assert (len(rows), rows[1]) == (3_002, "term0x,no")


@pytest.mark.rule("CMP-3")
def test_a_test_counts_products_and_shops_per_term_and_keeps_nothing(
    staff: User, shop: Seller, other_shop: Seller
) -> None:
    feed(shop, "a", title="Plutonium kit", description="plutonium")
    feed(other_shop, "b", title="Plutonium uranium kit")
    feed(shop, "c", title="Kit")
    feed(shop, "d", title="Plutonium kit", status="off_shelf")
    made = draft(staff, terms="plutonium\nuranium\nradium")
    result = live_test(rule_class=made)
    assert (result.screened, result.products, result.shops, result.complete) == (3, 2, 2, True)
    assert [(one.term, one.products) for one in result.terms] == [("plutonium", 2), ("uranium", 1)]
    assert [one.product_id for one in result.terms[0].examples] == ["a", "b"]
    cut = live_test(rule_class=made, most_products=1)
    assert (cut.screened, cut.complete) == (1, False)
    late = live_test(rule_class=made, most_time=timedelta(0))
    assert (late.screened, late.complete) == (0, False)
    with unscoped():
        assert not ProductHit.objects.exists()


@pytest.mark.rule("CMP-1")
def test_an_ended_class_holds_through_its_last_day(
    staff: User, shop: Seller, category: Category, clock: Any
) -> None:
    made = draft(staff)
    rule_class_publish(actor=staff, rule_class=made, starts_on=TODAY)
    feed(shop, title="Plutonium kit")
    with pytest.raises(InvalidInput):
        rule_class_withdraw(actor=staff, rule_class=made, last_day=TODAY, reason=" ")
    rule_class_withdraw(actor=staff, rule_class=made, last_day=TODAY, reason="By mistake")
    assert screen_texts([text(category, title="plutonium")])[0]
    rescreen()
    assert stored_hits()
    clock.noon(date(2022, 8, 4))
    assert screen_texts([text(category, title="plutonium")]) == [[]]
    rescreen()
    assert stored_hits() == set()
    assert rescreen_days_begun(today=date(2022, 8, 4)) == 0  # once per day


@pytest.mark.rule("CMP-3")
def test_a_round_goes_on_where_it_stopped(
    staff: User, shop: Seller, monkeypatch: pytest.MonkeyPatch
) -> None:
    Rescreening.objects.all().delete()
    for number in range(5):
        feed(shop, f"p{number}", title="Plutonium kit")
    rule_class_publish(actor=staff, rule_class=draft(staff), starts_on=TODAY)
    monkeypatch.setattr("compliance.services.rescreening.CHUNK", 2)
    round_ = Rescreening.objects.get()
    assert rescreen_chunk(round_) == 2
    assert rescreen_chunk(round_) == 0  # a worker with an old cursor leaves it alone
    with transaction.atomic():
        rescreen_chunk(Rescreening.objects.get())
        transaction.set_rollback(True)  # killed
    assert (Rescreening.objects.get().products, len(stored_hits("p3"))) == (2, 0)
    assert rescreen_all() == 3
    done = Rescreening.objects.get()
    assert (done.products, done.hits, done.finished_at) == (5, 5, platform_time.now())
    with unscoped():
        assert ProductHit.objects.count() == 5
    assert rescreen_all() == 0


@pytest.mark.rule("CMP-1", "UI-7")
def test_staff_draft_test_publish_and_end_on_their_pages(
    staff: User, staff_client: Client, shop: Seller
) -> None:
    feed(shop, title="Plutonium kit")
    url = "/admin/compliance/ruleclass/"
    made = {
        "code": "nuclear", "name_en": "Nuclear", "name_zh": "核", "effect": "forbid",
        "starts_on": "2022-08-03", "source": "A notice", "advice_en": "", "advice_zh": "",
    }  # fmt: skip
    assert staff_client.post(f"{url}add/", made).status_code == 302
    found = RuleClass.objects.get(code="nuclear")
    page = staff_client.get(f"{url}{found.pk}/publish/").content.decode()
    assert "The class has no terms yet." in page
    terms_import(actor=staff, rule_class=found, lines=pasted_lines("plutonium"), mode="add")
    assert "Plutonium kit" in staff_client.get(f"{url}{found.pk}/publish/").content.decode()
    assert "Plutonium kit" in staff_client.get(f"{url}{found.pk}/test/").content.decode()
    found.refresh_from_db()
    assert found.published_at is None
    staff_client.post(f"{url}{found.pk}/publish/", {"starts_on": "2022-08-03"})
    found.refresh_from_db()
    assert found.published_at is not None
    screened = staff_client.post(f"{url}screen/", {"title": "P.l.u.t.o.n.i.u.m"})
    assert "Nuclear" in screened.content.decode()
    ended = staff_client.post(
        f"{url}{found.pk}/withdraw/", {"last_day": "2022-08-05", "reason": "No longer needed"}
    )
    assert ended.status_code == 302
    for page_url in (
        url,
        f"{url}{found.pk}/change/",
        f"{url}{found.pk}/withdraw/",
        f"{url}screen/",
    ):
        assert staff_client.get(page_url).status_code == 200
