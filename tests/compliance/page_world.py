"""A shop with something on every page of compliance, for tests that walk pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from compliance.choices import CertificateStatus
from compliance.gate import gate_many
from compliance.services.obligations import declaration_tick, feed_create
from compliance.services.reviews import certificate_claim, certificate_reject
from compliance.services.service_requests import service_request_make
from portal import platform_time
from portal.models import Member, User
from portal.scoping import seller_scope
from tests.compliance.penalty_world import CONTACT, confirm
from tests.compliance.world import certificate_create, submitted, upload
from tests.listings.theme_world import product_feed

AFTER_INTERRUPTION = "2022-12-28T12:00:00-08:00"
LONG = "Rheinisch-Westfälische Verpackungsgesellschaft für Außenhandelsdienstleistungen mbH"


def compliance_pages_fill(owner: Member, reviewer: User, staff: User) -> dict[str, Any]:
    """Fill the shop's pages; return what pages are opened with. Call it after the interruption.

    Keys: `draft`, `waiting`, `rejected`, `ending`, `upstream`, `replaced` (certificates by what they
    are), `product`, `violation`.
    """
    shop, now = owner.seller, platform_time.now()
    kit = product_feed(shop, "kit", epr_traits=["packaging", "battery"], target_countries=[])
    product_feed(shop, "other", title="48V battery 升级款", target_countries=["DE"])
    status = CertificateStatus
    ending = certificate_create(seller=shop, valid_until=now + timedelta(days=20))
    made = {
        "ending": ending,
        "draft": certificate_create(seller=shop, status=status.DRAFT, category="battery"),
        "replaced": certificate_create(
            seller=shop, status=status.REPLACED, valid_until=now - timedelta(hours=1)
        ),
        "iso": certificate_create(
            seller=shop, type="management_system", country="", category="", name="ISO 9001"
        ),
    }
    with seller_scope(shop):
        made["waiting"] = submitted(
            owner, files=[upload("scan.png"), upload()], number="DE4444444444444", entity_name=LONG
        )
        made["upstream"] = submitted(
            owner, country="FR", number="FR123456_01ABCD", own=False, company_name=LONG
        )
        made["rejected"] = submitted(owner, category="electrical", number="DE87654321")
        feed_create(member=owner)
        service_request_make(member=owner, offer="fr-battery", note="In January, please.")
        declaration_tick(
            member=owner, certificate=ending, due_on=platform_time.today() + timedelta(days=3)
        )
    certificate_claim(actor=reviewer, certificate=made["rejected"])
    certificate_reject(actor=reviewer, certificate=made["rejected"], code="name_mismatch")
    gate_many([("kit", "DE"), ("kit", "FR")])
    violation = confirm(staff, shop, CONTACT)
    return {name: one.pk for name, one in made.items()} | {
        "product": kit.product_id,
        "violation": violation.pk,
    }


def compliance_page_paths(made: dict[str, Any]) -> list[str]:
    """Return the pages of that shop: lists, filters and those about one thing."""
    here = "/compliance/"
    one = f"{here}certificates/"
    return [
        here, f"{here}products/", f"{here}products/?country=DE&category=battery", f"{here}impact/",
        f"{here}traits/", f"{here}traits/{made['product']}/", f"{here}blocked/",
        f"{here}calendar/", f"{here}calendar/feed/", f"{here}services/", f"{here}admissions/",
        one, f"{one}?tab=waiting&country=DE", f"{one}new/?type=epr&country=DE&category=battery",
        f"{one}new/?renew={made['ending']}", f"{one}new/?type=safety_production",
        f"{one}{made['rejected']}/edit/", f"{one}{made['draft']}/edit/",
        *(f"{one}{made[name]}/" for name in ("waiting", "upstream", "rejected", "ending", "iso")),
        f"{one}{made['ending']}/impact/",
        f"{here}violations/", f"{here}violations/{made['violation']}/",
        f"/listings/product/{made['product']}/",
    ]  # fmt: skip


def review_page_paths(made: dict[str, Any]) -> list[str]:
    """Return the pages on which that shop's certificates are reviewed."""
    here = "/admin/compliance/"
    return [
        f"{here}certificate/", f"{here}certificate/?queue=all&status__exact=rejected",
        f"{here}certificate/figures/", f"{here}certificate/{made['waiting']}/change/",
        f"{here}certificate/{made['upstream']}/change/",
        f"{here}certificate/{made['ending']}/change/",
        f"{here}certificate/{made['waiting']}/history/", f"{here}registerimport/upload/", f"{here}reviewreason/",
    ]  # fmt: skip
