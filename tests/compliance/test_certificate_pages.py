"""The pages of certificates: nothing typed or accepted is lost, one form is one certificate."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from compliance.choices import CertificateStatus
from compliance.models import Certificate, CertificateFile
from compliance.services.certificate_files import PENDING
from compliance.services.certificates import certificate_save, certificate_submit
from portal.models import Category, Member, StoredFile
from portal.scoping import unscoped
from tests.compliance.world import certificate_create, given, product_create, upload

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-4")]
NEW = "/compliance/certificates/new/"


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Any, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def typed(client: Client, **over: Any) -> dict[str, Any]:
    """Return a filled form as a browser sends it, with the token of a page just opened."""
    page = client.get(NEW).content.decode()
    return {
        "token": hidden(page, "token"),
        "type": "epr",
        "country": "DE",
        "category": "packaging",
        "number": "DE 2755553072093",
        "entity_name": "Suzhou E-Bike Kits Ltd",
        "company_name": "Suzhou E-Bike Kits Ltd",
        "issued_on": "2022-05-01",
        "own": "own",
        "scope_zh": "纸质包装制品",
        "coverage": "all",
        "declaration": "on",
    } | over


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, f"no {name} in the page"
    return found[1]


def certificates() -> list[Certificate]:
    with unscoped():
        return list(Certificate.objects.order_by("pk"))


def pending() -> int:
    with unscoped():
        return StoredFile.objects.filter(purpose=PENDING).count()


def test_a_form_is_filled_and_submitted(owner_client: Client) -> None:
    sent = typed(owner_client, new_files=[upload(), upload("scan.png")], submit="1")
    answer = owner_client.post(NEW, sent, follow=True)
    [made] = certificates()
    assert answer.redirect_chain == [(f"/compliance/certificates/{made.pk}/", 302)]
    assert (made.status, made.number, made.scope_zh) == (
        *("submitted", "DE2755553072093"),
        "纸质包装制品",
    )
    page = answer.content.decode()
    assert "A reviewer decides by Aug 8, 2022" in page
    assert "certificate.pdf" in page
    assert "scan.png" in page
    assert pending() == 0
    assert "DE2755553072093" in owner_client.get("/compliance/certificates/").content.decode()


@pytest.mark.rule("EPR-6")
def test_a_refused_file_leaves_what_was_typed_and_the_accepted_file(owner_client: Client) -> None:
    bad = SimpleUploadedFile("contract.docx", b"PK\x03\x04" + bytes(50))
    sent = typed(owner_client, new_files=[upload("good.pdf"), bad], number="DE1", submit="1")
    answer = owner_client.post(NEW, sent)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert certificates() == []
    assert "“contract.docx”: this is none of the kinds of file taken" in page
    assert "This is not a LUCID registration number" in page  # told in the same answer
    for kept in ('value="DE1"', "纸质包装制品", 'value="2022-05-01"', "good.pdf"):
        assert kept in page
    token = hidden(page, "kept_file")
    assert pending() == 1
    # The file need not be chosen again.
    sent = typed(owner_client, kept_file=token, token=hidden(page, "token"), submit="1")
    assert owner_client.post(NEW, sent).status_code == 302
    [made] = certificates()
    with unscoped():
        assert [one.file.name for one in made.files.all()] == ["good.pdf"]
    assert pending() == 0


def test_a_file_is_removed_with_everything_else_kept(owner_client: Client) -> None:
    sent = typed(owner_client, new_files=upload(), find_products="1", number="half a num")
    page = owner_client.post(NEW, sent).content.decode()
    token = hidden(page, "kept_file")
    sent = typed(owner_client, kept_file=token, remove_file=token, number="half a num")
    page = owner_client.post(NEW, sent).content.decode()
    assert 'value="half a num"' in page
    assert 'name="kept_file"' not in page
    assert pending() == 0


@pytest.mark.rule("K-8")
def test_a_foreign_token_is_ignored(
    owner_client: Client, stranger_client: Client, colleague: Member
) -> None:
    page = stranger_client.post(NEW, typed(stranger_client, new_files=upload())).content.decode()
    foreign = hidden(page, "kept_file")
    sent = typed(owner_client, kept_file=[foreign, "x" * 40], submit="1")
    page = owner_client.post(NEW, sent).content.decode()
    assert "Add 1 to 5 files" in page
    assert foreign not in page
    # Nor does removing it do anything to it.
    owner_client.post(NEW, typed(owner_client, remove_file=foreign))
    assert pending() == 1
    assert certificates() == []


@pytest.mark.rule("K-19")
def test_two_clicks_are_one_certificate(owner_client: Client) -> None:
    content = upload().read()

    def click() -> Any:
        return owner_client.post(
            NEW, sent | {"new_files": SimpleUploadedFile("a.pdf", content), "submit": "1"}
        )

    sent = typed(owner_client)
    first, second = click(), click()
    assert first.status_code == second.status_code == 302
    assert first.url == second.url
    assert len(certificates()) == 1
    with unscoped():
        assert StoredFile.objects.count() == 1


def test_a_form_called_back_changes_what_it_saved(owner_client: Client) -> None:
    sent = typed(owner_client)
    owner_client.post(NEW, sent | {"new_files": upload(), "save": "1"})
    [draft] = certificates()
    with unscoped():
        token = draft.files.get().file.token
    owner_client.post(NEW, sent | {"kept_file": token, "number": "DE1234567890123", "save": "1"})
    [changed] = certificates()
    assert (changed.pk, changed.number, changed.version) == (draft.pk, "DE1234567890123", 2)


def test_two_tabs_are_one_certificate(owner_client: Client) -> None:
    one, two = typed(owner_client), typed(owner_client)
    owner_client.post(NEW, one | {"new_files": upload(), "save": "1"})
    answer = owner_client.post(NEW, two | {"new_files": upload(), "save": "1"})
    [draft] = certificates()
    assert answer.status_code == 409
    page = answer.content.decode()
    assert f"/compliance/certificates/{draft.pk}/" in page
    assert 'name="kept_file"' in page
    certificate_submit_pk(draft)
    waiting = owner_client.post(NEW, typed(owner_client, new_files=upload(), submit="1"))
    assert waiting.status_code == 409
    assert "waiting for its review already" in waiting.content.decode()
    assert len(certificates()) == 1


def certificate_submit_pk(draft: Certificate) -> None:
    with unscoped():
        owner = Member.objects.get(user__username="owner")
    certificate_submit(member=owner, certificate=draft)


def test_the_type_decides_which_fields_are_asked(owner_client: Client) -> None:
    page = owner_client.get(f"{NEW}?type=chemical_operating").content.decode()
    assert 'name="cas_numbers"' in page
    for absent in ('name="country"', 'name="own"', 'name="new_invoices"'):
        assert absent not in page
    # Without JavaScript a button does it, and what was typed stays.
    sent = typed(owner_client, type="patent", entity_name="Wang", switch="1", new_files=upload())
    page = owner_client.post(NEW, sent).content.decode()
    assert "Patent holder" in page
    assert 'value="Wang"' in page
    assert 'name="kept_file"' in page
    assert "invalid-feedback" not in page
    sent = typed(owner_client, type="patent", number="ZL 2020 1 0123456.7", new_files=upload())
    owner_client.post(NEW, sent | {"save": "1"})
    [patent] = certificates()
    assert (patent.number, patent.country, patent.category) == ("ZL2020101234567", "", "")
    assert owner_client.get(f"{NEW}?type=nonsense&country=%00").status_code == 200


def test_products_and_categories_are_found_and_added(
    owner_client: Client, owner: Member, categories: dict[str, Category]
) -> None:
    products = [
        product_create(seller=owner.seller, title=f"{n} motor") for n in ("Red", "Blue", "Green")
    ]
    asked = {"products": products[0].product_id, "country": "FR", "category": "textile"}
    page = owner_client.get(NEW, asked).content.decode()
    assert "Red motor" in page
    assert re.search(r'value="FR"\s+selected', page)
    sent = typed(owner_client, product_q="MOTOR blue", find_products="1", number="kept")
    page = owner_client.post(NEW, sent).content.decode()
    assert products[1].product_id in page
    assert products[2].product_id not in page
    assert 'value="kept"' in page
    sent = typed(owner_client, products="P-x,", product_found=[products[1].product_id])
    page = owner_client.post(NEW, sent | {"add_products": "1"}).content.decode()
    assert f"P-x\n{products[1].product_id}</textarea>" in page
    sent = typed(owner_client, category_q="electric kits", find_categories="1")
    assert "e-bike-kits" in owner_client.post(NEW, sent).content.decode()
    cover = {
        "coverage": "some",
        "products": products[1].product_id,
        "categories": ["e-bike-kits"],
        "new_files": upload(),
        "save": "1",
    }
    owner_client.post(NEW, typed(owner_client, **cover))
    [made] = certificates()
    with unscoped():
        assert [one.title for one in made.products.all()] == ["Blue motor"]
        assert [one.code for one in made.categories.all()] == ["e-bike-kits"]
    assert "Blue motor" in owner_client.get(f"/compliance/certificates/{made.pk}/").content.decode()


def test_a_rejected_one_shows_why_and_is_corrected(owner_client: Client, owner: Member) -> None:
    made = certificate_save(member=owner, fields=given(), files=[upload()])
    certificate_submit(member=owner, certificate=made)
    with unscoped():
        Certificate.objects.filter(pk=made.pk).update(
            status=CertificateStatus.REJECTED,
            reason_code="illegible",
            reason_en="We cannot read it.",
            reason_zh="看不清。",
        )
    owner.user.language = "zh-hans"
    owner.user.save()
    page = owner_client.get("/compliance/certificates/?tab=rejected").content.decode()
    assert "看不清。" in page
    url = reverse("compliance:certificate-edit", args=[made.pk])
    assert url in page
    form = owner_client.get(url).content.decode()
    assert "看不清。" in form
    sent = typed(owner_client, token=hidden(form, "token"), version=hidden(form, "version"))
    sent |= {"kept_file": hidden(form, "kept_file"), "new_files": upload("better.pdf")}
    assert owner_client.post(url, sent | {"submit": "1"}).status_code == 302
    [again] = certificates()
    assert (again.status, again.reason_code) == ("submitted", "")
    with unscoped():
        kinds = list(again.events.values_list("kind", flat=True))
        assert kinds == ["created", "submitted", "changed", "submitted"]
        assert CertificateFile.objects.filter(certificate=again).count() == 2


def test_a_renewal_starts_from_the_old_one(owner_client: Client, owner: Member) -> None:
    old = certificate_create(seller=owner.seller, number="DE2755553072093")
    page = owner_client.get(f"{NEW}?renew={old.pk}").content.decode()
    assert 'value="DE2755553072093"' in page
    sent = typed(owner_client, new_files=upload(), submit="1")
    answer = owner_client.post(f"{NEW}?renew={old.pk}", sent, follow=True)
    assert "It renews a verified certificate" in answer.content.decode()
    new = certificates()[-1]
    assert (new.replaces_id, certificates()[0].status) == (old.pk, "verified")
    assert owner_client.get(f"{NEW}?renew=x").status_code == 404


def test_someone_elses_change_is_not_lost(owner_client: Client, owner: Member) -> None:
    draft = certificate_save(member=owner, fields=given(), files=[upload()])
    url = reverse("compliance:certificate-edit", args=[draft.pk])
    form = owner_client.get(url).content.decode()
    certificate_save(member=owner, fields=given(scope_en="theirs"), certificate=draft)
    sent = typed(owner_client, token=hidden(form, "token"), version=hidden(form, "version"))
    sent |= {"kept_file": hidden(form, "kept_file"), "scope_en": "mine", "save": "1"}
    answer = owner_client.post(url, sent)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert ">mine</textarea>" in page.replace(">\nmine", ">mine")
    assert certificates()[0].scope_en == "theirs"
    sent |= {"version": hidden(page, "version"), "token": hidden(page, "token")}
    assert owner_client.post(url, sent).status_code == 302
    assert certificates()[0].scope_en == "mine"


@pytest.mark.rule("K-7", "K-8")
def test_who_may_do_what(
    owner_client: Client,
    colleague_client: Client,
    stranger_client: Client,
    owner: Member,
) -> None:
    draft = certificate_save(member=owner, fields=given(), files=[upload()])
    base = f"/compliance/certificates/{draft.pk}/"
    assert colleague_client.get(base).status_code == 200
    assert colleague_client.get("/compliance/certificates/").status_code == 200
    assert colleague_client.get(NEW).status_code == 403
    for part in ("edit/", "delete/"):
        assert colleague_client.get(base + part).status_code == 403
        assert stranger_client.get(base + part).status_code == 404
    for part in ("submit/", "take-back/", "delete/"):
        assert colleague_client.post(base + part).status_code == 403
        assert stranger_client.post(base + part).status_code == 404
    assert stranger_client.get(base).status_code == 404
    assert owner_client.post(base + "take-back/").status_code == 409
    assert owner_client.get(base + "delete/").status_code == 200
    assert len(certificates()) == 1
    assert owner_client.post(base + "submit/").status_code == 302
    assert owner_client.post(base + "delete/").status_code == 409
    assert owner_client.get(base + "edit/").url == base
    assert owner_client.post(base + "take-back/").status_code == 302
    assert owner_client.post(base + "delete/").status_code == 302
    assert certificates() == []


def test_pages_ask_as_many_queries_for_many_as_for_few(owner_client: Client, owner: Member) -> None:
    def queries(url: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert owner_client.get(url).status_code == 200
        return len(asked)

    one = certificate_create(seller=owner.seller, products=[product_create(seller=owner.seller)])
    urls = [
        "/compliance/certificates/",
        f"/compliance/certificates/{one.pk}/",
        f"{NEW}?renew={one.pk}",
    ]
    few = [queries(url) for url in urls]
    products = [product_create(seller=owner.seller) for _ in range(30)]
    many = certificate_create(seller=owner.seller, products=products)
    for _ in range(5):
        certificate_create(seller=owner.seller, status=CertificateStatus.DRAFT)
    urls[1:] = [f"/compliance/certificates/{many.pk}/", f"{NEW}?renew={many.pk}"]
    # Ten products and more are counted: one query.
    assert all(queries(url) <= before + 1 for url, before in zip(urls, few, strict=True))
