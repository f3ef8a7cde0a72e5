"""Cases of protected marks: fixed, proven, explained, judged (CMP-5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from compliance.choices import CertificateType, MarkCaseState
from compliance.models import GatedProduct, MarkCase, ProtectedMark, Violation
from compliance.services.mark_cases import mark_case_answer, mark_case_judge
from compliance.services.marks import MarkFields, protected_mark_save
from compliance.services.rescreening import rescreen_all
from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Notice, Seller, User
from portal.scoping import unscoped
from tests import factories
from tests.compliance.test_screening import feed
from tests.compliance.world import certificate_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CMP-5"), pytest.mark.both_databases]
STATEMENT = "Birkin is the name of our village."


@pytest.fixture(autouse=True)
def _clock(clock: Any) -> None:
    """Stand still."""


@pytest.fixture
def case(shop: Seller, owner: Member) -> MarkCase:
    """An open case of the shop."""
    feed(shop, title="Birkin bag")
    with unscoped():
        return MarkCase.objects.select_related("product").get()


def proof(seller: Seller, **over: Any) -> Any:
    fields = {"type": CertificateType.TRADEMARK, "country": "", "category": "", "number": "TM-1"}
    return certificate_create(seller=seller, **(fields | over))


def states() -> list[str]:
    with unscoped():
        return list(MarkCase.objects.order_by("pk").values_list("state", flat=True))


def notices(kind: str) -> int:
    with unscoped():
        return Notice.objects.filter(kind=kind).count()


def test_the_shop_is_told_once_a_day_and_answers_once(
    case: MarkCase, owner: Member, viewer: Member, shop: Seller
) -> None:
    feed(shop, "more", title="Another birkin")
    assert notices("mark_case_opened") == 2  # the owner and the viewer, once each
    with pytest.raises(InvalidInput):
        mark_case_answer(member=owner, case=case, statement="No.")
    with pytest.raises(NotAllowed):
        mark_case_answer(member=viewer, case=case, statement=STATEMENT)
    assert states() == ["open", "open"]
    mark_case_answer(member=owner, case=case, statement=STATEMENT)
    with pytest.raises(Refusal) as again:
        mark_case_answer(member=owner, case=case, statement=STATEMENT)
    assert again.value.code == "case_closed"
    assert states() == ["answered", "open"]


def test_only_a_certificate_that_counts_and_covers_is_proof(
    case: MarkCase, owner: Member, shop: Seller, other_shop: Seller
) -> None:
    feed(shop, "other", title="Kit")
    with unscoped():
        other = GatedProduct.objects.get(product_id="other")
    now = platform_time.now()
    useless = [
        proof(other_shop),
        proof(shop, number="TM-2", products=[other]),
        proof(shop, number="TM-3", valid_until=now),
        proof(shop, number="TM-4", status="draft"),
        proof(shop, number="TM-5", type=CertificateType.HONOUR),
    ]
    for one in useless:
        with pytest.raises(InvalidInput):
            mark_case_answer(member=owner, case=case, authorisation=one)
    assert states() == ["open"]
    good = proof(shop, number="TM-6", products=[case.product])
    assert mark_case_answer(member=owner, case=case, authorisation=good).authorisation == good


def test_staff_judge_once_and_not_their_own_shop(
    case: MarkCase, owner: Member, staff: User, shop: Seller
) -> None:
    outsider = factories.user_create("outsider", is_staff=True)
    factories.member_create(shop, username="insider")
    insider = User.objects.get(username="insider")
    User.objects.filter(pk=insider.pk).update(is_superuser=True, is_staff=True)
    insider.refresh_from_db()
    verdict = {"verdict": MarkCaseState.OUTSIDE_SCOPE, "judgement": "A village."}
    for nobody in (outsider, insider):
        with pytest.raises(NotAllowed):
            mark_case_judge(actor=nobody, case=case, **verdict)
    with pytest.raises(InvalidInput):  # nothing was shown
        mark_case_judge(actor=staff, case=case, verdict="authorised", judgement="Fine.")
    with pytest.raises(InvalidInput):
        mark_case_judge(actor=staff, case=case, **verdict, penalise=True)
    assert states() == ["open"]
    mark_case_judge(actor=staff, case=case, **verdict)
    with pytest.raises(Refusal):
        mark_case_judge(actor=staff, case=case, **verdict)
    assert notices("mark_case_judged") == 2  # owner and insider


def test_a_judgement_answers_for_the_title_it_saw(
    case: MarkCase, staff: User, shop: Seller
) -> None:
    mark_case_judge(actor=staff, case=case, verdict="outside_scope", judgement="A village.")
    feed(shop, title="Birkin bag", description="new words")
    assert states() == ["outside_scope"]
    feed(shop, title="Birkin bag by the famous maker")
    assert states() == ["outside_scope", "open"]


def test_an_authorisation_answers_while_it_counts(
    case: MarkCase, owner: Member, staff: User, shop: Seller, clock: Any
) -> None:
    until = platform_time.now() + timedelta(days=1)
    good = proof(shop, products=[case.product], valid_until=until)
    mark_case_answer(member=owner, case=case, authorisation=good)
    mark_case_judge(actor=staff, case=case, verdict="authorised", judgement="Fine.")
    feed(shop, title="Another Birkin bag")
    rescreen_all()
    assert states() == ["authorised"]
    clock.advance(days=1)
    rescreen_all()
    assert states() == ["authorised", "open"]
    rescreen_all()
    assert states() == ["authorised", "open"]


def test_an_infringement_may_be_penalised_along_with_the_judgement(
    case: MarkCase, staff: User
) -> None:
    mark_case_judge(
        actor=staff, case=case, verdict="infringing", judgement="A copy.", penalise=True
    )
    with unscoped():
        violation = Violation.objects.get()
        assert (violation.rule, violation.product, violation.key) == (
            "ip_infringement", case.product, f"mark-case:{case.pk}",
        )  # fmt: skip


def test_a_new_mark_opens_cases_and_one_switched_off_closes_them(shop: Seller, staff: User) -> None:
    feed(shop, title="Zorblax bag")
    fields = {"name": "ZORBLAX", "starts_on": platform_time.today(), "nice_classes": [18]}
    with pytest.raises(InvalidInput):
        protected_mark_save(actor=staff, fields=MarkFields(**(fields | {"nice_classes": [46]})))
    mark = protected_mark_save(actor=staff, fields=MarkFields(**fields))
    rescreen_all()
    assert states() == ["open"]
    protected_mark_save(actor=staff, fields=MarkFields(**fields, active=False), mark=mark)
    rescreen_all()
    assert states() == ["fixed"]
    with pytest.raises(InvalidInput):  # its number stays
        protected_mark_save(actor=staff, fields=MarkFields(**fields, number="9"), mark=mark)
    assert ProtectedMark.objects.get(pk=mark.pk).number == ""


@pytest.mark.rule("K-8")
def test_pages_and_api_show_own_cases_only(
    case: MarkCase, owner_client: Client, owner_api: APIClient, stranger_client: Client,
    stranger_api: APIClient, viewer_client: Client, staff_client: Client, shop: Seller,
) -> None:  # fmt: skip
    url, api = f"/compliance/marks/{case.pk}/", f"/api/v1/compliance/marks/{case.pk}"
    assert stranger_client.get(url).status_code == stranger_api.get(api).status_code == 404
    assert stranger_api.post(f"{api}/answer", {"statement": STATEMENT}).status_code == 404
    assert viewer_client.post(url, {"statement": STATEMENT}).status_code == 403
    assert (
        owner_api.get("/api/v1/compliance/marks?state=open").json()["results"][0]["id"] == case.pk
    )
    assert "Birkin bag" in owner_client.get("/compliance/marks/").content.decode()
    short = owner_client.post(url, {"statement": "No."})
    assert short.status_code == 400
    assert "No." in short.content.decode()
    assert states() == ["open"]
    answered = owner_api.post(f"{api}/answer", {"statement": STATEMENT})
    assert (answered.status_code, answered.json()["state"]) == (200, "answered")
    assert STATEMENT in owner_client.get(url).content.decode()
    judge = f"/admin/compliance/markcase/{case.pk}/judge/"
    assert STATEMENT in staff_client.get(judge).content.decode()
    done = staff_client.post(judge, {"verdict": "outside_scope", "judgement": "A village."})
    assert done.status_code == 302
    assert states() == ["outside_scope"]
    assert "A village." in owner_client.get(url).content.decode()
    words = owner_client.get("/compliance/words/")
    assert words.status_code == 200
