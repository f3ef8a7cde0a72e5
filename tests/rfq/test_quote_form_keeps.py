"""What the quote form keeps: drafts, files, templates; the check of oneself (RFQ-6, RFQ-25)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from portal.models import Member, Seller, StoredFile
from portal.scoping import seller_scope, unscoped
from portal.services.files import file_store, files_sweep
from rfq.models import Quote, QuoteDraft, QuoteFile, QuoteTemplate, Rfq
from rfq.services.quote_drafts import draft_save
from tests.rfq.quote_form_tools import TYPED, draft_content, form_url, png, send, spent, text_of
from tests.rfq.world import quote_create, rfq_create, rights_create

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def rfq() -> Rfq:
    return rfq_create(rfq_id="R-1", details="Voltage: 48V")


# --- Drafts -------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-6")
def test_the_draft_comes_back_with_a_note_to_its_own_person_only(
    shop: Seller, rfq: Rfq, owner_client: Client, colleague_client: Client, stranger_client: Client
) -> None:
    saved = owner_client.post(
        reverse("rfq:quote-draft", args=[rfq.rfq_id]),
        {**TYPED, "moq": "5", "message": "Half a sent"},
    )
    assert "Draft saved" in text_of(saved)
    assert 'id="self-check"' in saved.content.decode()
    mine = owner_client.get(form_url(rfq))
    assert "This is your draft" in text_of(mine)
    assert "Half a sent" in text_of(mine)
    for other in (colleague_client, stranger_client):
        assert "Half a sent" not in text_of(other.get(form_url(rfq)))
    assert "Drafts 1" in text_of(owner_client.get(reverse("rfq:quotes")))
    assert rfq.title in text_of(owner_client.get(reverse("rfq:quotes") + "?tab=drafts"))


@pytest.mark.rule("RFQ-6")
def test_saving_twice_keeps_one_draft_and_the_button_needs_no_script(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    for message in ("first", "second"):
        response = owner_client.post(
            form_url(rfq), {**TYPED, "message": message, "save_draft": "1"}
        )
        assert response.status_code == 302
    with unscoped():
        assert QuoteDraft.objects.count() == 1
    assert draft_content()["message"] == "second"  # type: ignore[index]
    assert owner_client.post(form_url(rfq), {"discard": "1"}).status_code == 302
    assert draft_content() is None


@pytest.mark.rule("RFQ-6")
def test_a_late_autosave_does_not_bring_the_draft_back(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10)
    send(owner_client, rfq)
    late = owner_client.post(reverse("rfq:quote-draft", args=[rfq.rfq_id]), TYPED)
    assert late.status_code == 200
    assert draft_content() is None


# --- Files, templates, self-check ---------------------------------------------------------------


@pytest.mark.rule("RFQ-6")
def test_files_survive_a_refusal_and_belong_to_the_parties(
    shop: Seller, rfq: Rfq, owner_client: Client, stranger_client: Client, staff_client: Client
) -> None:
    upload = SimpleUploadedFile("plan.png", png(), "image/png")
    refused = send(owner_client, rfq, uploads=[upload])
    assert refused.status_code == 409
    with unscoped():
        file = StoredFile.objects.get()
    assert f'name="kept_file" value="{file.token}"' in refused.content.decode()
    rights_create(shop, quote=10)
    sent = send(owner_client, rfq, kept_file=[file.token])
    with unscoped():
        assert QuoteFile.objects.get().file == file
    page = owner_client.get(sent.url.removesuffix("sent/")).content.decode()
    path = reverse("portal:file", args=[file.token])
    assert path in page
    assert owner_client.get(path).status_code == staff_client.get(path).status_code == 200
    assert stranger_client.get(path).status_code == 404


@pytest.mark.rule("K-8")
def test_another_shops_file_cannot_be_attached(
    shop: Seller, stranger: Member, rfq: Rfq, owner_client: Client, stranger_client: Client
) -> None:
    send(stranger_client, rfq, uploads=[SimpleUploadedFile("plan.png", png(), "image/png")])
    with unscoped():
        token = StoredFile.objects.get(seller=stranger.seller).token
    rights_create(shop, quote=10)
    send(owner_client, rfq, kept_file=[token])
    with unscoped():
        assert Quote.objects.filter(seller=shop).exists()
        assert not QuoteFile.objects.exists()


@pytest.mark.rule("RFQ-6")
def test_a_file_that_is_none_of_the_kinds_is_refused_at_its_field(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10)
    bad = SimpleUploadedFile("virus.pdf", b"MZ not a pdf", "application/pdf")
    response = send(owner_client, rfq, uploads=[bad])
    assert response.status_code == 400
    assert "virus.pdf" in str(response.context["form"].errors["uploads"])
    assert spent() == 0


@pytest.mark.rule("RFQ-25")
def test_a_template_completes_and_never_replaces(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    new = owner_client.post(
        reverse("rfq:template-new"),
        {
            "name": "Introduction", "lead_time_days": "30", "moq": "100", "valid_days": "30",
            "message": "Thank you for your request.", "intro_years": "15 years of manufacturing",
            "intro_certificates": "CE, RoHS",
        },
    )  # fmt: skip
    assert new.url == reverse("rfq:templates")
    with unscoped():
        template = QuoteTemplate.objects.get()
    used = {"use_template": "1", "template": str(template.pk)}
    for _twice in range(2):
        data = {"unit_price": "9", "moq": "50", "message": draft_message() or "Hello.", **used}
        page = owner_client.post(form_url(rfq), data)
    content = draft_content()
    assert content is not None
    assert (content["moq"], content["lead_time_days"], content["valid_until"]) == (
        "50",
        "30",
        "2022-09-02",
    )
    assert content["message"] == (
        "Hello.\n\nThank you for your request.\n\n"
        "Years in production: 15 years of manufacturing\nCertificates: CE, RoHS"
    )
    check = page.context["check"]
    assert check.item("intro_years").met
    assert check.item("intro_certificates").met


def draft_message() -> str:
    return (draft_content() or {}).get("message", "")


@pytest.mark.rule("RFQ-25")
def test_the_wording_is_saved_as_a_template_once_per_name(
    shop: Seller, rfq: Rfq, owner_client: Client, stranger_client: Client
) -> None:
    save = {**TYPED, "valid_until": "2022-09-02", "save_template": "1", "template_name": "My words"}
    owner_client.post(form_url(rfq), save)
    again = owner_client.post(form_url(rfq), save)
    assert "There is a template of this name already." in text_of(again)
    with unscoped():
        template = QuoteTemplate.objects.get()
    assert template.content["message"] == "We make it."
    assert template.content["valid_days"] == 30
    assert "unit_price" not in template.content
    assert stranger_client.get(reverse("rfq:template", args=[template.pk])).status_code == 404
    assert (
        stranger_client.post(reverse("rfq:template-delete", args=[template.pk])).status_code == 404
    )
    used = {**TYPED, "use_template": "1", "template": str(template.pk)}
    assert "Choose a template first." in text_of(stranger_client.post(form_url(rfq), used))
    assert owner_client.post(reverse("rfq:template-delete", args=[template.pk])).status_code == 302
    with unscoped():
        assert not QuoteTemplate.objects.exists()


@pytest.mark.rule("RFQ-25")
def test_the_check_button_shows_the_list_and_sends_nothing(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    page = owner_client.post(form_url(rfq), {**TYPED, "check": "1"})
    check = page.context["check"]
    assert check.item("quantity").met
    assert not check.item("attributes").met
    with unscoped():
        assert not Quote.objects.exists()


@pytest.mark.rule("EPR-6")
def test_uploads_of_forms_nobody_sent_are_swept(owner: Member, clock: Any) -> None:
    """A draft keeps its uploads and so does a quote; one that no draft names any more goes."""
    files = {
        name: file_store(
            seller=owner.seller,
            actor=owner.user,
            upload=SimpleUploadedFile("a.png", png()),
            purpose="quote",
        )
        for name in ("drafted", "quoted", "left")
    }
    with seller_scope(owner.seller):
        content = {"files": [files["drafted"].token]}
        draft_save(member=owner, rfq=rfq_create(), content=content)
        quote = quote_create(seller=owner.seller)
        QuoteFile.objects.create(quote=quote, file=files["quoted"])
    clock.advance(days=1, minutes=1)
    assert files_sweep() == 1
    with unscoped():
        left = set(StoredFile.objects.values_list("pk", flat=True))
    assert left == {files["drafted"].pk, files["quoted"].pk}


@pytest.mark.rule("RFQ-7")
def test_another_price_from_a_second_tab_is_not_taken_for_sent(
    owner_client: Client, shop: Seller, rfq: Rfq
) -> None:
    """Only the very same quote is a second click; of any other the shop hears that it did not go."""
    rights_create(shop, quote=10)
    first = send(owner_client, rfq)
    assert "/sent/" in first.url
    again = send(owner_client, rfq)
    assert again.url == first.url, "a second click"
    used = spent()
    other = send(owner_client, rfq, unit_price="22.75")
    with unscoped():
        quote = Quote.objects.get()
    assert other.url == reverse("rfq:quote", args=[quote.pk])
    assert str(quote.unit_price) == "184.5000"
    assert "What you typed now is not in it" in text_of(owner_client.get(other.url))
    assert spent() == used
