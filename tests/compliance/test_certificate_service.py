"""Certificates as the shop writes them (EPR-3 … EPR-6, CRT-1)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.conf import settings

from compliance.certificates.content import certificate_digest
from compliance.certificates.types import TYPE_RULES, Whose
from compliance.choices import CertificateStatus, CertificateType
from compliance.models import Certificate, CertificateEvent, GatedProduct
from compliance.models.certificates import counting_at
from compliance.services.certificate_files import PENDING, pending_files, pending_keep
from compliance.services.certificates import (
    certificate_delete,
    certificate_save,
    certificate_submit,
    certificate_take_back,
    decision_due_at,
    upload_rules,
)
from portal import platform_time
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Category, Member, StoredFile
from portal.scoping import unscoped
from portal.services.files import files_sweep
from tests.compliance.world import certificate_create, given, product_create, upload
from tests.factories import member_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("EPR-4")]


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Any, clock: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def draft(member: Member, **over: Any) -> Certificate:
    return certificate_save(member=member, fields=given(**over), files=[upload()])


def fields_refused(
    member: Member, files: Any = None, invoices: Any = None, **over: Any
) -> list[str]:
    """Return the fields a refusal names, having checked that nothing was kept."""
    with unscoped():
        before = (Certificate.objects.count(), StoredFile.objects.count())
    with pytest.raises(InvalidInput) as refused:
        certificate_save(
            member=member,
            fields=given(**over),
            files=[upload()] if files is None else files,
            invoices=invoices,
        )
    with unscoped():
        assert (Certificate.objects.count(), StoredFile.objects.count()) == before
    return [name for name, _text in refused.value.fields]


def code_of(action: Any, **arguments: Any) -> str:
    with pytest.raises(Refusal) as refused:
        action(**arguments)
    return refused.value.code


def set_status(certificate: Certificate, status: CertificateStatus, **over: Any) -> None:
    columns = {"claimed_at": platform_time.now()} if status == CertificateStatus.IN_REVIEW else {}
    with unscoped():
        Certificate.objects.filter(pk=certificate.pk).update(status=status, **columns | over)


def kept_files() -> int:
    return len([one for one in Path(settings.MEDIA_ROOT).rglob("*") if one.is_file()])


# --- Submitting ---------------------------------------------------------------------------------


def test_submitting_fixes_what_an_approval_names(owner: Member) -> None:
    product = product_create(seller=owner.seller)
    made = draft(owner, products=[product.product_id], brands="Kits|飞轮")
    sent = certificate_submit(member=owner, certificate=made)
    assert sent.status == CertificateStatus.SUBMITTED
    assert sent.due_at == decision_due_at(platform_time.now(), 3)
    with unscoped():
        assert sent.digest == certificate_digest(sent)
        event = CertificateEvent.objects.get(certificate=sent, kind="submitted")
        [kept] = sent.files.select_related("file")
    assert event.digest == sent.digest
    assert event.content["products"] == [product.product_id]
    assert event.content["files"][0]["sha256"] == kept.file.sha256
    row = LogEntry.objects.get(additional_data__action="certificate.submit")
    assert row.changes["status"] == ["draft", "submitted"]
    # Anything that changes changes the digest.
    for change in (
        {"scope_zh": "别的"},
        {"brands": ["Kits"]},
        {"own": False},
        {"covers_all": True},
    ):
        with unscoped():
            Certificate.objects.filter(pk=sent.pk).update(**change)
            changed = Certificate.objects.get(pk=sent.pk)
            assert certificate_digest(changed) != sent.digest
            before = {name: getattr(sent, name) for name in change}
            Certificate.objects.filter(pk=sent.pk).update(**before)
    with unscoped():
        StoredFile.objects.filter(pk=kept.file_id).update(sha256="0" * 64)
        assert certificate_digest(sent) != sent.digest


def test_three_working_days_of_china(clock: Any) -> None:
    # Friday evening in China before the National Day week of 2022, which ends with a worked weekend.
    start = platform_time.parse_instant("2022-09-30T17:00:00+08:00")
    due = platform_time.parse_instant("2022-10-10T17:00:00+08:00")
    assert decision_due_at(start, 3) == due


def test_a_draft_grows_old_until_it_is_submitted(owner: Member, clock: Any) -> None:
    made = draft(owner, expires_on="2022-08-10")
    clock("2022-08-10T23:59:59-07:00")
    certificate_submit(member=owner, certificate=made)
    certificate_take_back(member=owner, certificate=made)
    clock("2022-08-11T00:00:00-07:00")
    with pytest.raises(InvalidInput) as refused:
        certificate_submit(member=owner, certificate=made)
    assert [name for name, _text in refused.value.fields] == ["expires_on"]


def test_products_that_are_gone_for_good_leave_nothing_covered(owner: Member) -> None:
    product = product_create(seller=owner.seller)
    made = draft(owner, products=product.product_id)
    with unscoped():
        GatedProduct.objects.filter(pk=product.pk).delete()
    with pytest.raises(InvalidInput) as refused:
        certificate_submit(member=owner, certificate=made)
    assert [name for name, _text in refused.value.fields] == ["products"]
    made.refresh_from_db()
    assert made.status == CertificateStatus.DRAFT


@pytest.mark.both_databases
@pytest.mark.rule("EPR-5")
def test_the_same_number_waits_once_and_renews_the_verified_one(owner: Member) -> None:
    first, second = draft(owner), draft(owner, number="DE 2755553072093")
    certificate_submit(member=owner, certificate=first)
    assert code_of(certificate_submit, member=owner, certificate=second) == "already_waiting"
    second.refresh_from_db()
    assert (second.status, second.digest) == (CertificateStatus.DRAFT, "")
    set_status(first, CertificateStatus.IN_REVIEW)
    assert code_of(certificate_submit, member=owner, certificate=second) == "already_waiting"
    set_status(first, CertificateStatus.VERIFIED, valid_from=platform_time.now(), claimed_at=None)
    renewed = certificate_submit(member=owner, certificate=second)
    assert renewed.replaces_id == first.pk
    # Another country or category is another registration.
    other = draft(owner, country="FR", number="FR002491_01F8EN")
    assert certificate_submit(member=owner, certificate=other).replaces is None


@pytest.mark.rule("EPR-3", "EPR-5", "K-8")
def test_another_shops_number_is_taken_as_upstream_only(owner: Member, stranger: Member) -> None:
    theirs = certificate_create(seller=stranger.seller, number="DE2755553072093")
    made = draft(owner)
    with pytest.raises(Refusal) as refused:
        certificate_submit(member=owner, certificate=made)
    assert refused.value.code == "number_of_another_seller"
    told = " ".join([str(refused.value), *(text for _name, text in refused.value.fields)])
    for secret in (stranger.seller.name_en, stranger.seller.member_id, "shop", "seller"):
        assert secret.lower() not in told.lower()
    upstream = certificate_save(
        member=owner,
        fields=given(own=False, company_name="Ningbo Wheels Ltd"),
        certificate=made,
        invoices=[upload("invoice.pdf")],
    )
    assert certificate_submit(member=owner, certificate=upstream).status == "submitted"
    # Once theirs counts no more, the number can be somebody else's own.
    second = draft(owner, category="packaging", number="DE1111111111111")
    certificate_create(
        seller=stranger.seller, number="DE1111111111111", valid_until=platform_time.now()
    )
    assert certificate_submit(member=owner, certificate=second).status == "submitted"
    # Nor does a number that another shop only gives as upstream's, or that still waits, stand against it.
    third = draft(owner, number="DE3333333333333")
    certificate_create(seller=stranger.seller, number="DE3333333333333", own=False)
    waits = CertificateStatus.SUBMITTED
    certificate_create(seller=stranger.seller, number="DE3333333333333", status=waits)
    assert certificate_submit(member=owner, certificate=third).status == "submitted"
    assert theirs.status == "verified"


def test_states_that_refuse(owner: Member) -> None:
    made = draft(owner)
    assert code_of(certificate_take_back, member=owner, certificate=made) == "not_waiting"
    certificate_submit(member=owner, certificate=made)
    save = {"member": owner, "fields": given(), "certificate": made}
    assert code_of(certificate_submit, member=owner, certificate=made) == "already_submitted"
    assert code_of(certificate_save, **save) == "already_submitted"
    set_status(made, CertificateStatus.IN_REVIEW)
    assert code_of(certificate_take_back, member=owner, certificate=made) == "in_review"
    for status in ("verified", "expired", "revoked", "replaced"):
        over = {"claimed_at": None, "valid_from": platform_time.now()}
        set_status(made, CertificateStatus(status), **over)
        assert code_of(certificate_save, **save) == "not_editable"
        assert code_of(certificate_submit, member=owner, certificate=made) == "not_editable"
        assert code_of(certificate_delete, member=owner, certificate=made) == "not_draft"


def test_correcting_a_rejected_one_keeps_the_history(owner: Member) -> None:
    made = draft(owner)
    certificate_submit(member=owner, certificate=made)
    set_status(made, CertificateStatus.REJECTED, reason_code="illegible", reason_en="blurred")
    with unscoped():
        CertificateEvent.objects.create(
            certificate=made, kind="rejected", at=platform_time.now(), reason_code="illegible"
        )
        before = made.files.get().file
    made.refresh_from_db()
    corrected = certificate_save(
        member=owner, fields=given(scope_en="Boxes"), files=[upload()], certificate=made
    )
    assert (corrected.status, corrected.reason_code) == ("rejected", "illegible")
    sent = certificate_submit(member=owner, certificate=corrected)
    assert (sent.status, sent.reason_code, sent.decided_at) == ("submitted", "", None)
    with unscoped():
        events = list(made.events.all())
        assert [one.kind for one in events] == [
            *("created", "submitted", "rejected", "changed", "submitted")
        ]
        assert events[1].content["scope_en"] == ""
        assert events[4].content["scope_en"] == "Boxes"
        # What the reviewer saw is still there, though it is no file of the certificate any more.
        assert made.files.get().file_id != before.pk
        assert StoredFile.objects.filter(pk=before.pk, purpose="certificate").exists()
    certificate_take_back(member=owner, certificate=sent)
    assert code_of(certificate_delete, member=owner, certificate=sent) == "has_history"
    with pytest.raises(InvalidInput) as refused:
        certificate_save(member=owner, fields=given(type="patent"), certificate=sent, version=4)
    assert "type" in dict(refused.value.fields)


def test_a_stale_copy_changes_nothing(owner: Member) -> None:
    made = draft(owner)
    certificate_save(member=owner, fields=given(scope_en="first"), certificate=made)
    over = {"member": owner, "fields": given(scope_en="second"), "certificate": made}
    assert code_of(certificate_save, **over, version=1) == "stale"
    made.refresh_from_db()
    assert (made.scope_en, made.version) == ("first", 2)
    assert certificate_save(**over, version=2).scope_en == "second"


@pytest.mark.rule("K-7")
def test_the_owner_alone_uploads(colleague: Member, viewer: Member, owner: Member) -> None:
    made = draft(owner)
    for member in (colleague, viewer, member_create(owner.seller, "manager", "manager")):
        with pytest.raises(NotAllowed):
            certificate_save(member=member, fields=given(), files=[upload()])
        for action in (certificate_submit, certificate_take_back, certificate_delete):
            with pytest.raises(NotAllowed):
                action(member=member, certificate=made)
        with pytest.raises(NotAllowed):
            pending_keep(member=member, upload=upload(), field="files")
    made.refresh_from_db()
    assert made.status == "draft"


@pytest.mark.rule("K-8")
def test_a_foreign_certificate_is_none(owner: Member, stranger: Member) -> None:
    made = draft(owner)
    for action in (certificate_submit, certificate_take_back, certificate_delete):
        with pytest.raises(Certificate.DoesNotExist):
            action(member=stranger, certificate=made)
    with pytest.raises(Certificate.DoesNotExist):
        certificate_save(member=stranger, fields=given(), certificate=made)


# --- Files --------------------------------------------------------------------------------------


@pytest.mark.rule("EPR-3")
def test_an_upstream_number_needs_the_purchase_invoice(owner: Member) -> None:
    assert fields_refused(owner, own=False) == ["invoices"]
    assert fields_refused(owner, own="no", invoices=[upload()] * 6) == ["invoices"]
    made = certificate_save(
        member=owner, fields=given(own=False), files=[upload()], invoices=[upload()]
    )
    with unscoped():
        assert {one.kind for one in made.files.all()} == {"certificate", "invoice"}
        assert {one.file.purpose for one in made.files.all()} == {
            *("certificate", "certificate_invoice")
        }
    # It is ours after all: the invoice goes, and is swept.
    certificate_save(member=owner, fields=given(own=True), certificate=made)
    with unscoped():
        assert [one.kind for one in made.files.all()] == ["certificate"]
        assert StoredFile.objects.filter(purpose=PENDING).count() == 1


@pytest.mark.rule("EPR-6")
def test_pending_files_are_the_persons_own_and_used_once(owner: Member, stranger: Member) -> None:
    kept = pending_keep(member=owner, upload=upload(), field="files")
    assert pending_files(member=owner, tokens=[kept.token, "x", kept.token]) == [kept]
    assert pending_files(member=stranger, tokens=[kept.token]) == []
    partner = member_create(owner.seller, "owner", "partner")
    assert pending_files(member=partner, tokens=[kept.token]) == []
    assert fields_refused(partner, files=[kept]) == ["files"]
    certificate_save(member=owner, fields=given(), files=[kept])
    assert pending_files(member=owner, tokens=[kept.token]) == []
    assert fields_refused(owner, files=[kept]) == ["files"]


@pytest.mark.rule("EPR-6")
def test_uploads_nobody_saved_are_swept_after_a_day(owner: Member, clock: Any) -> None:
    pending_keep(member=owner, upload=upload(), field="files")
    made = draft(owner)
    dropped = draft(owner, number="DE1234567890123")
    certificate_save(member=owner, fields=given(), files=[upload()], certificate=dropped)
    assert kept_files() == 4
    clock.advance(hours=23, minutes=59)
    assert files_sweep() == 0
    clock.advance(minutes=2)
    assert files_sweep() == 2
    with unscoped():
        assert set(StoredFile.objects.values_list("purpose", flat=True)) == {"certificate"}
    certificate_delete(member=owner, certificate=made)
    with unscoped():
        assert StoredFile.objects.count() == 1
        assert not Certificate.objects.filter(pk=made.pk).exists()


@pytest.mark.rule("EPR-6")
def test_one_refused_file_refuses_all_and_keeps_none(owner: Member) -> None:
    bad = upload()
    bad.file.write(b"no PDF at all")
    assert fields_refused(owner, files=[upload(), bad, upload()]) == ["files"]
    assert kept_files() == 0
    assert fields_refused(owner, files=[]) == ["files"]
    assert fields_refused(owner, files=[upload() for _ in range(6)]) == ["files"]


# --- Types --------------------------------------------------------------------------------------


@pytest.mark.rule("CRT-1")
@pytest.mark.parametrize("kind", [one for one in CertificateType if one != CertificateType.EPR])
def test_other_types_go_the_same_way(
    owner: Member, categories: dict[str, Category], kind: str
) -> None:
    rules = TYPE_RULES[CertificateType(kind)]
    fields: dict[str, Any] = {
        "type": kind,
        "number": "粤（2022）A-0001/7",
        "expires_on": "2024-01-31",
        "scope_zh": "氢氧化钠",
        "brands": "Kits",
        "cas_numbers": "1310-73-2|7732-18-5",
        "categories": "e-bike-kits",
    }
    made = draft(owner, **fields)
    assert (made.country, made.category, made.number) == ("", "", "粤(2022)A0001/7")
    assert made.cas_numbers == (["1310-73-2", "7732-18-5"] if "cas_numbers" in rules.asks else [])
    assert made.brands == (["Kits"] if "brands" in rules.asks else [])
    assert made.own
    with unscoped():
        assert [one.code for one in made.categories.all()] == ["e-bike-kits"]
    assert certificate_submit(member=owner, certificate=made).status == "submitted"
    lacking = fields | {"expires_on": ""}
    if rules.expiry_required:
        assert fields_refused(owner, **lacking) == ["expires_on"]
    else:
        assert draft(owner, **lacking).expires_on is None
    if rules.whose is Whose.OWN_ONLY:
        assert fields_refused(owner, **fields, own=False) == ["own"]
    if "cas_numbers" in rules.asks:
        assert fields_refused(owner, **fields | {"cas_numbers": "7732-18-4"}) == ["cas_numbers"]
        assert fields_refused(owner, **fields | {"scope_zh": ""}) == ["scope_en"]
    if "brands" in rules.requires:
        assert fields_refused(owner, **fields | {"brands": ""}) == ["brands"]


def test_every_type_says_what_it_asks() -> None:
    assert set(TYPE_RULES) == set(CertificateType)
    for rules in TYPE_RULES.values():
        assert rules.requires <= rules.fields
        assert rules.takes_invoices == ("invoices" in rules.asks)
        assert bool(rules.company_name) == ("company_name" in rules.asks)


@pytest.mark.rule("EPR-1")
def test_numbers_are_taken_before_the_first_table_is_in_force(owner: Member, clock: Any) -> None:
    clock("2021-11-01T12:00:00-07:00")
    assert upload_rules(platform_time.today()).countries == ["DE", "FR"]
    assert draft(owner, issued_on="2021-10-01").number == "DE2755553072093"


def test_a_certificate_of_ten_thousand_products(
    owner: Member, django_assert_max_num_queries: Any
) -> None:
    """The links are written in bulk; 3,000 stand for 10,000 to keep the test quick."""
    one = product_create(seller=owner.seller)
    columns = {
        field.attname: getattr(one, field.attname)
        for field in GatedProduct._meta.concrete_fields
        if not field.primary_key
    }
    with unscoped():
        GatedProduct.objects.bulk_create(
            GatedProduct(**columns | {"product_id": f"M-{number}"}) for number in range(3_000)
        )
    ids = [f"M-{number}" for number in range(3_000)]
    with django_assert_max_num_queries(60):
        made = draft(owner, products=ids)
        certificate_submit(member=owner, certificate=made)
    with unscoped():
        assert made.products.count() == 3_000
    before = made.changed_at + timedelta(0)
    assert fields_refused(owner, products=[*ids, "M-3000"]) == ["products"]
    made.refresh_from_db()
    assert made.changed_at == before


@pytest.mark.rule("EPR-12")
def test_certificates_counting_are_found_as_each_one_says(shop):
    now, instant = platform_time.now(), timedelta(microseconds=1)
    spans = [
        (now, None, True),
        (now + instant, None, False),
        (now - instant, now, False),
        (now - instant, now + instant, True),
        (None, None, False),
    ]
    made = [
        certificate_create(
            seller=shop,
            valid_from=first,
            valid_until=end,
            status="verified" if first else "submitted",
        )
        for first, end, _counts in spans
    ]
    expected = [counts for _first, _end, counts in spans]
    with unscoped():
        found = set(Certificate.objects.filter(counting_at(now)).values_list("pk", flat=True))
    assert [one.pk in found for one in made] == expected
    assert [one.counts_at(now) for one in made] == expected
