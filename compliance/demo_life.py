"""What the demo's people did about compliance in 2022: registrations, reviews, a penalty or two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from compliance.certificates.fields import CertificateFields
from compliance.demo_documents import specimen
from compliance.models import CategoryTraits, Certificate, ServiceRequest, Violation
from compliance.rules import mask_of
from compliance.services.appeals import appeal_make
from compliance.services.certificates import certificate_save, certificate_submit
from compliance.services.reviews import certificate_approve, certificate_claim, certificate_reject
from compliance.services.service_requests import service_request_make
from compliance.services.traits import category_traits_set, shop_traits_confirm
from compliance.services.violations import violation_confirm, violation_publish
from portal.demo.life import act
from portal.demo.people import OWNERS
from portal.models import Category, Member, User
from portal.scoping import seller_scope, unscoped

ELECTRICAL = ("packaging", "electrical")
WITH_BATTERY = ("packaging", "electrical", "battery")
USUAL = {
    "e-bike-kits": WITH_BATTERY,
    "e-bike-batteries": ("packaging", "battery"),
    "treadmills": ELECTRICAL,
    "electronics": ELECTRICAL,
    "bluetooth-earphones": WITH_BATTERY,
    "gaming-headsets": WITH_BATTERY,
    "phone-cases": ("packaging",),
    "apparel": ("packaging", "textile"),
    "outdoor-furniture": ("packaging", "furniture"),
    "lighting": ELECTRICAL,
    "machinery": ELECTRICAL,
    "solar-panels": ELECTRICAL,
    "power-stations": WITH_BATTERY,
}
"""Category → traits its products usually have; all others come in packaging, no more."""


@dataclass(frozen=True)
class Upload:
    """One certificate's way: uploaded and submitted `at`, decided at `decided` or still waiting.

    `reject` is the code of a first decision at `rejected`; then it is submitted again.
    """

    owner: int
    at: str
    fields: Mapping[str, object]
    decided: str = ""
    rejected: str = ""
    reject: str = ""
    resubmitted: str = ""
    invoices: int = 0


def _epr(country: str, category: str, number: str, issued: str, **more: object) -> dict:
    return {
        "type": "epr",
        "country": country,
        "category": category,
        "number": number,
        "issued_on": issued,
        "scope_en": f"Obligations of a producer of {category} placed on the market",
        "own": True,
        **more,
    }


UPLOADS = [
    Upload(0, "2022-08-10T18:00:00-07:00",
           _epr("DE", "packaging", "DE 2755-5530-72093", "2022-08-02"), "2022-08-11T19:10:00-07:00"),
    Upload(0, "2022-08-12T17:20:00-07:00",
           _epr("FR", "packaging", "FR006076_01NNP3", "2022-08-05"), "2022-08-18T02:00:00-07:00",
           "2022-08-15T20:00:00-07:00", "illegible", "2022-08-16T18:30:00-07:00"),
    Upload(0, "2022-09-05T18:10:00-07:00",
           _epr("DE", "electrical", "DE12345678", "2022-08-25", own=False, expires_on="2022-12-31",
                company_name="Nordlicht Mobility GmbH", brands=["Nordlicht"]),
           "2022-09-07T19:00:00-07:00", invoices=1),
    Upload(0, "2022-11-28T18:00:00-08:00",
           _epr("FR", "electrical", "FR014221_05QK7A", "2022-11-20"), "2022-11-30T18:40:00-08:00"),
    Upload(0, "2022-12-13T17:40:00-08:00", _epr("DE", "battery", "DE98765432", "2022-12-01")),
    Upload(0, "2022-06-20T18:00:00-07:00",
           {"type": "management_system", "name": "ISO 9001:2015", "number": "04 100 2201187",
            "issued_on": "2022-01-10", "expires_on": "2025-01-09",
            "scope_en": "Development and manufacture of bicycles and fitness equipment"},
           "2022-06-22T19:00:00-07:00"),
    Upload(0, "2022-11-07T18:00:00-08:00",
           {"type": "test_report", "name": "EN ISO 4210 bicycle safety", "number": "TR-2022-88417",
            "issued_on": "2022-10-12", "expires_on": "2025-10-11", "products": ["cn1000-0001", "cn1000-0002"],
            "scope_en": "Safety of bicycles and conversion kits"},
           "2022-11-09T19:00:00-08:00"),
    Upload(2, "2022-12-12T18:00:00-08:00", _epr("DE", "packaging", "DE4415872210934", "2022-11-30")),
    Upload(3, "2022-12-08T18:00:00-08:00", _epr("FR", "textile", "FR022871_11ZT4M", "2022-11-25")),
    Upload(6, "2022-12-13T18:00:00-08:00", _epr("DE", "electrical", "DE44120987", "2022-12-02")),
    # The number the first shop waits with: the reviewer is told.
    Upload(13, "2022-12-13T19:30:00-08:00",
           _epr("DE", "battery", "DE98765432", "2022-12-01", own=False,
                company_name="Nordlicht Mobility GmbH"), invoices=1),
    Upload(8, "2022-11-02T18:00:00-07:00", _epr("DE", "packaging", "DE3921100458871", "2022-10-20"),
           rejected="2022-11-03T19:00:00-07:00", reject="name_mismatch"),
]  # fmt: skip


def _owner(number: int) -> Member:
    with unscoped():
        return Member.objects.select_related("seller", "user").get(
            user__username=OWNERS[number], role="owner"
        )


def _staff(username: str) -> User:
    return User.objects.get(username=username)


@act("2022-06-15T17:00:00-07:00")
def usual_traits() -> None:
    """Staff say what products of the categories usually are."""
    for code, traits in USUAL.items():
        category = Category.objects.filter(code=code).first()
        if category is not None and not CategoryTraits.objects.filter(category=category).exists():
            category_traits_set(actor=_staff("admin"), category=category, traits=mask_of(traits))


@act("2022-08-09T18:00:00-07:00")
def confirm_two_categories() -> None:
    """The first shop confirms its kits and its trampolines."""
    answers = {"e-bike-kits": WITH_BATTERY, "trampolines": ("packaging",)}
    found = Category.objects.filter(code__in=answers)
    shop_traits_confirm(
        member=_owner(0), answers={one.pk: mask_of(answers[one.code]) for one in found}
    )


# --- Certificates ---------------------------------------------------------------------------------


def _certificate(upload: Upload) -> Certificate | None:
    typed = str(upload.fields["number"])
    with unscoped():
        own = Certificate.objects.filter(
            seller=_owner(upload.owner).seller, type=upload.fields["type"]
        )
        return own.filter(number_typed=typed, category=upload.fields.get("category", "")).first()


def send(upload: Upload) -> None:
    """Upload a certificate and submit it."""
    if _certificate(upload) is not None:
        return
    member = _owner(upload.owner)
    name = member.seller.name_en
    fields = {"entity_name": name, "company_name": name, "declaration": True, **upload.fields}
    number = str(fields["number"])
    lines = [
        ("Registered company", str(fields["company_name"])),
        ("Number", number),
        ("Category", str(fields.get("category") or fields.get("name"))),
        ("Issued on", str(fields["issued_on"])),
        ("Valid until", str(fields.get("expires_on") or "no end")),
    ]
    invoice = [("Sold to", name), ("Brand and goods", "Nordlicht hub motors, 400 pieces")]
    with seller_scope(member.seller):
        certificate = certificate_save(
            member=member,
            fields=CertificateFields(**fields),  # type: ignore[arg-type]
            files=[specimen("certificate", "Certificate of registration", lines)],
            invoices=[
                specimen(f"invoice-{count + 1}", "Purchase invoice", invoice)
                for count in range(upload.invoices)
            ],
        )
        certificate_submit(member=member, certificate=certificate)


def submit_again(upload: Upload) -> None:
    """Submit a rejected one once more."""
    certificate, member = _certificate(upload), _owner(upload.owner)
    if certificate is not None and certificate.status == "rejected":
        with seller_scope(member.seller):
            certificate_submit(member=member, certificate=certificate)


def decide(upload: Upload, reject: str = "") -> None:
    """Let the reviewer claim it and decide."""
    certificate = _certificate(upload)
    if certificate is None or certificate.status != "submitted":
        return
    actor = _staff("reviewer")
    with unscoped():
        certificate = certificate_claim(actor=actor, certificate=certificate)
        if reject:
            certificate_reject(actor=actor, certificate=certificate, code=reject)
        else:
            certificate_approve(actor=actor, certificate=certificate, digest=certificate.digest)


for _upload in UPLOADS:
    act(_upload.at)(partial(send, _upload))
    if _upload.rejected:
        act(_upload.rejected)(partial(decide, _upload, _upload.reject))
    if _upload.resubmitted:
        act(_upload.resubmitted)(partial(submit_again, _upload))
    if _upload.decided:
        act(_upload.decided)(partial(decide, _upload))


@act("2022-12-14T17:30:00-08:00")
def ask_for_a_service() -> None:
    """The first shop asks staff for the French battery registration."""
    member = _owner(0)
    with seller_scope(member.seller):
        if not ServiceRequest.objects.exists():
            service_request_make(
                member=member, offer="fr-battery", note="We ship our first kits in January."
            )


# --- Penalties ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Penalty:
    """A violation the risk officer confirms `at`."""

    owner: int
    at: str
    rule: str
    evidence: str
    public: bool = False


PENALTIES = [
    Penalty(0, "2022-09-14T18:00:00-07:00", "off_platform_contact",
            "In the chat of 12 September the salesperson asked the buyer to go on by WhatsApp."),
    Penalty(0, "2022-12-10T18:20:00-08:00", "off_platform_contact",
            "In the chat of 8 December the salesperson sent a WeChat number before any order."),
    Penalty(29, "2022-10-28T19:00:00-07:00", "drugs_severe",
            "The shop offered a prescription sedative under the title of a beauty product.", True),
]  # fmt: skip


def penalise(penalty: Penalty) -> None:
    """Let the risk officer confirm a violation, and publish it where that is wanted."""
    key = f"demo-{penalty.rule}-{penalty.at[:10]}"
    with unscoped():
        if Violation.objects.filter(key=key).exists():
            return
    actor = _staff("risk")
    violation = violation_confirm(
        actor=actor,
        seller=_owner(penalty.owner).seller,
        rule=penalty.rule,
        evidence=penalty.evidence,
        key=key,
    )
    if penalty.public:
        violation_publish(actor=actor, violation=violation, public=True)


for _penalty in PENALTIES:
    act(_penalty.at)(partial(penalise, _penalty))


@act("2022-12-14T16:00:00-08:00")
def appeal_the_second() -> None:
    """The first shop appeals against its newest penalty."""
    member = _owner(0)
    with seller_scope(member.seller):
        violation = Violation.objects.filter(appeal__isnull=True).order_by("-penalised_at").first()
        if violation is not None and violation.key.endswith("2022-12-10"):
            appeal_make(
                member=member,
                violation=violation,
                reason="other",
                text="The buyer had asked for the number to arrange the inspection of the goods.",
                files=[],
            )
