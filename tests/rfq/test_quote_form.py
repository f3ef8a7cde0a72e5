"""The quote form: cost, refusals, drafts, templates, files, double submits (RFQ-6 … RFQ-8, RFQ-25)."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from portal import platform_time
from portal.choices import SellerStatus
from portal.models import Category, Member, Seller, StoredFile
from portal.scoping import seller_scope, unscoped
from portal.services.files import file_store, files_sweep
from rfq.choices import Grade, RfqStatus
from rfq.models import Pin, Quote, QuoteDraft, QuoteFile, QuoteTemplate, Rfq, RightEntry
from rfq.services.quote_drafts import draft_save
from rfq.services.rights import balances_of
from tests import factories
from tests.rfq.world import quote_create, rfq_create, rights_create

pytestmark = [pytest.mark.django_db]

TYPED = {
    "unit_price": "184.50",
    "currency": "USD",
    "moq": "50",
    "lead_time_days": "21",
    "message": "We make it.",
}


@pytest.fixture(autouse=True)
def _noon(clock: Any, categories: Any, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def png() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (4, 4), "orange").save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def rfq() -> Rfq:
    return rfq_create(rfq_id="R-1", details="Voltage: 48V")


def form_url(rfq: Rfq) -> str:
    return reverse("rfq:quote-form", args=[rfq.rfq_id])


def text_of(response: Any) -> str:
    plain = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(plain).split())


def announced(client: Client, rfq: Rfq) -> str:
    """Return what the page says sending will use."""
    page = client.get(form_url(rfq)).content.decode()
    return re.search(r'name="announced" value="([^"]*)"', page)[1]  # type: ignore[index]


def send(client: Client, rfq: Rfq, **over: Any) -> Any:
    data = {**TYPED, "announced": "quote", "send": "1", **over}
    return client.post(form_url(rfq), data)


def spent() -> int:
    with unscoped():
        return RightEntry.objects.filter(delta__lt=0).count()


def draft_content() -> dict[str, Any] | None:
    with unscoped():
        draft = QuoteDraft.objects.first()
    return draft.content if draft else None


# --- Sending ------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-6", "RFQ-7")
def test_sending_leads_to_what_was_used_and_what_is_left(
    shop: Seller, owner_client: Client
) -> None:
    gold = rfq_create(grade=Grade.GOLD)
    rights_create(shop, quote=10, gold=4, fast_lane=1)
    assert "1 quote right 10 9 1 gold right 4 3" in text_of(owner_client.get(form_url(gold)))
    response = send(
        owner_client, gold, announced=announced(owner_client, gold), sample_offered="on",
        valid_until="2022-09-01", ship_from="Ningbo",
    )  # fmt: skip
    with unscoped():
        quote = Quote.objects.get()
    assert response.url == reverse("rfq:quote-sent", args=[quote.pk])
    assert str(quote.unit_price) == "184.5000"
    assert (quote.moq, quote.lead_time_days, quote.ship_from) == (50, 21, "Ningbo")
    assert (quote.sample_offered, str(quote.valid_until)) == (True, "2022-09-01")
    page = text_of(owner_client.get(response.url))
    said = (
        "1 quote right used (9 left), 1 gold right used (3 left), 0 fast-lane passes used (1 left)"
    )
    assert said in page
    assert draft_content() is None


@pytest.mark.rule("RFQ-7", "RFQ-9")
def test_unlimited_rights_are_said_to_be_unlimited(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=None)
    page = text_of(owner_client.get(send(owner_client, rfq).url))
    assert "1 quote right used (unlimited), 0 gold rights used (0 left)" in page


@pytest.mark.rule("RFQ-7")
def test_a_second_submit_or_tab_lands_on_the_first_quote(
    shop: Seller, rfq: Rfq, owner_client: Client, colleague_client: Client
) -> None:
    rights_create(shop, quote=10)
    first = send(owner_client, rfq)
    again = send(owner_client, rfq, unit_price="1")
    from_colleague = send(colleague_client, rfq)
    assert first.url == again.url == from_colleague.url
    assert spent() == 1
    with unscoped():
        assert str(Quote.objects.get().unit_price) == "184.5000"
    quote_page = owner_client.get(form_url(rfq))
    assert quote_page.url == first.url.removesuffix("sent/")


@pytest.mark.rule("RFQ-7")
def test_an_rfq_that_filled_up_meanwhile_is_not_paid_for_without_asking(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10, fast_lane=2)
    before = announced(owner_client, rfq)
    Rfq.objects.update(quoted=10)
    response = send(owner_client, rfq, announced=before)
    assert response.status_code == 409
    page = text_of(response)
    assert "costs more than this page said (Fast-lane pass)" in page
    assert "1 fast-lane pass 2 1" in page
    assert "We make it." in page
    assert (spent(), Rfq.objects.get().quoted) == (0, 10)
    with unscoped():
        assert not Quote.objects.exists()
    offered = re.search(r'name="announced" value="([^"]*)"', response.content.decode())[1]  # type: ignore[index]
    confirmed = send(owner_client, rfq, announced=offered)
    assert confirmed.status_code == 302
    assert spent() == 2


@pytest.mark.rule("RFQ-7")
def test_what_became_cheaper_is_sent_without_asking(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10, fast_lane=2)
    assert send(owner_client, rfq, announced="quote,fast_lane").status_code == 302
    assert spent() == 1


@pytest.mark.rule("RFQ-8")
@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"status": RfqStatus.REMOVED}, "has removed this RFQ"),
        ({"status": RfqStatus.CLOSED}, "has closed this RFQ"),
        ({"grade": Grade.PRO}, "invitation list"),
        ({"grade": Grade.GOLD}, "no gold-opportunity rights left"),
        ({"quoted": 10}, "no fast-lane pass left"),
    ],
)
def test_each_refusal_is_said_at_the_top_and_keeps_what_was_typed(
    shop: Seller, owner_client: Client, over: dict[str, Any], said: str
) -> None:
    rights_create(shop, quote=10)
    refused = rfq_create(**over)
    assert said in text_of(owner_client.get(form_url(refused)))
    response = send(owner_client, refused, announced="quote,gold,fast_lane")
    assert response.status_code == 409
    assert said in text_of(response)
    assert 'value="184.50"' in response.content.decode()
    assert spent() == 0
    assert draft_content()["message"] == "We make it."  # type: ignore[index]


@pytest.mark.rule("RFQ-8")
def test_an_rfq_that_expires_while_the_form_is_open_uses_nothing(
    shop: Seller, rfq: Rfq, owner_client: Client, clock: Any
) -> None:
    rights_create(shop, quote=10)
    before = announced(owner_client, rfq)
    clock.advance(days=31)
    response = send(owner_client, rfq, announced=before)
    assert response.status_code == 409
    assert "ran out" in text_of(response)
    assert "Send quote" not in text_of(response)


@pytest.mark.rule("RFQ-8")
def test_a_restricted_shop_is_told_so(shop: Seller, rfq: Rfq, owner_client: Client) -> None:
    rights_create(shop, quote=10)
    Seller.objects.update(status=SellerStatus.RESTRICTED)
    assert "restricted" in text_of(send(owner_client, rfq))
    assert spent() == 0


@pytest.mark.rule("RFQ-6")
def test_wrong_values_are_shown_at_their_fields(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10)
    response = send(owner_client, rfq, unit_price="cheap", moq="-1", valid_until="2022-08-02")
    assert response.status_code == 400
    form = response.context["form"]
    assert {"unit_price", "moq"} <= set(form.errors)
    assert 'value="cheap"' in response.content.decode()
    assert spent() == 0


def test_an_rfq_that_is_not_posted_yet_or_unknown_is_not_found(owner_client: Client) -> None:
    tomorrow = platform_time.now() + timedelta(days=1)
    assert owner_client.get(form_url(rfq_create(posted_at=tomorrow))).status_code == 404
    assert owner_client.get("/rfq/rfqs/R-none/quote/").status_code == 404
    assert owner_client.get("/rfq/rfqs/R%00/quote/").status_code == 404


@pytest.mark.rule("K-7")
def test_viewers_may_not_open_or_send_it(shop: Seller, rfq: Rfq, viewer_client: Client) -> None:
    rights_create(shop, quote=10)
    assert viewer_client.get(form_url(rfq)).status_code == 403
    assert send(viewer_client, rfq).status_code == 403
    assert spent() == 0


# --- Pin ----------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-11")
def test_a_pin_is_offered_with_its_places_and_taken(
    shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10, pin=2)
    page = text_of(owner_client.get(form_url(rfq)))
    assert "3 of 3 places are free. You have 2 pin rights." in page
    sent = owner_client.get(send(owner_client, rfq, pin="on").url)
    assert "1 pin right used (1 left)" in text_of(sent)
    assert "Pinned on place 1" in text_of(sent)


@pytest.mark.rule("RFQ-11")
def test_a_pin_that_finds_no_place_leaves_the_quote_and_the_right(
    shop: Seller, other_shop: Seller, rfq: Rfq, owner_client: Client
) -> None:
    rights_create(shop, quote=10, pin=2)
    quote = quote_create(seller=other_shop, rfq=rfq)
    with unscoped():
        Pin.objects.create(
            rfq=rfq, seller=other_shop, quote=quote, slot=1, pinned_at=quote.submitted_at
        )
        for slot in (2, 3):
            seller = type(shop).objects.create(
                member_id=f"p{slot}", name_en="P", name_zh="P", membership="basic",
                company_type="trader", main_category=shop.main_category, industry=shop.industry,
            )  # fmt: skip
            pinned = quote_create(seller=seller, rfq=rfq)
            Pin.objects.create(
                rfq=rfq, seller=seller, quote=pinned, slot=slot, pinned_at=quote.submitted_at
            )
    assert "All places are taken" in text_of(owner_client.get(form_url(rfq)))
    page = text_of(owner_client.get(send(owner_client, rfq, pin="on").url))
    assert "All 3 places are taken" in page
    assert "pin right used" not in page
    assert balances_of(seller=shop).pin == 2


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


# --- Clock and queries --------------------------------------------------------------------------


@pytest.mark.rule("RFQ-25")
@pytest.mark.parametrize(
    ("day", "scored", "marks"),
    [("2022-08-02", 24, [1, 12, 24]), ("2022-08-03", 12, [1, 12])],
)
def test_the_clock_marks_what_the_rules_of_the_day_count(
    shop: Seller, owner_client: Client, clock: Any, day: str, scored: int, marks: list[int]
) -> None:
    clock(f"{day}T12:00:00-07:00")
    posted_at = platform_time.now() - timedelta(hours=12)
    shown = owner_client.get(form_url(rfq_create(posted_at=posted_at))).context["clock"]
    assert [mark.hours for mark in shown.marks] == marks
    assert [mark.hours for mark in shown.marks if mark.scored] == [scored]
    assert [mark.hours for mark in shown.marks if mark.passed] == [1]


def test_the_page_costs_the_same_for_any_number_of_templates_and_attributes(
    shop: Seller, rfq: Rfq, owner_client: Client, category: Category
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert owner_client.get(form_url(rfq)).status_code == 200
        return len(captured)

    queries()
    few = queries()
    with unscoped():
        QuoteTemplate.objects.bulk_create(
            QuoteTemplate(seller=shop, name=f"T{number}", changed_at=platform_time.now())
            for number in range(50)
        )
    for number in range(20):
        factories.attribute_create(category, f"extra_{number}", values=["a", "b"])
    assert queries() == few <= 32


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
