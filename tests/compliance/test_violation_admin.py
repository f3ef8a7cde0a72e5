"""Staff confirm violations and decide appeals in the admin (CMP-6, CMP-8)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from compliance.models import Violation
from compliance.services.violations import (
    effects_in_force,
    points_of,
    violation_overturn,
)
from portal import platform_time
from portal.models import Member, Seller, User
from portal.scoping import unscoped
from tests import factories
from tests.compliance.penalty_world import (
    CONTACT,
    GOODS,
    REFUSING,
    STATEMENT,
    appeal,
    confirm,
)
from tests.compliance.world import upload
from tests.rfq.world import buyer_create, order_create

pytestmark = [pytest.mark.django_db, pytest.mark.rule("CMP-8")]


@pytest.fixture(autouse=True)
def _world(clock: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def test_officers_see_statement_beside_evidence_and_decide_once(
    owner: Member, officer_client: Client, officer: User
) -> None:
    order = order_create(
        seller=owner.seller, buyer=buyer_create(), amount=6200, created_at=platform_time.now()
    )
    violation = confirm(officer, owner.seller, REFUSING, order=order, evidence="Shown as new.")
    made = appeal(owner, violation, files=[upload("chat.png")])
    front = officer_client.get(reverse("admin:index")).content.decode()
    assert "Appeals to decide" in front
    queue = officer_client.get(reverse("admin:compliance_appeal_changelist"))
    assert "Refusing Trade Assurance" in queue.content.decode()
    case = officer_client.get(reverse("admin:compliance_appeal_change", args=[made.pk]))
    text = case.content.decode()
    for words in ("Shown as new.", STATEMENT, "chat.png", "US$6,200.00"):
        assert words in text
    decide = reverse("admin:compliance_appeal_decide", args=[made.pk, "overturn"])
    assert officer_client.get(decide).status_code == 200
    made.refresh_from_db()
    assert made.status == "open"  # looking decides nothing
    assert officer_client.post(decide, {"note": ""}).status_code == 200
    assert officer_client.post(decide, {"note": "You are right."}).status_code == 302
    twice = officer_client.post(decide, {"note": "You are right."}, follow=True)
    assert "has decided this appeal already" not in twice.content.decode()
    other = reverse("admin:compliance_appeal_decide", args=[made.pk, "uphold"])
    for late in (
        officer_client.get(other, follow=True),
        officer_client.post(other, {"note": "Too late."}, follow=True),
    ):
        assert "has decided this appeal already" in late.content.decode()
    made.refresh_from_db()
    assert (made.status, made.answer) == ("overturned", "You are right.")


def test_other_staff_look_but_do_not_decide(
    owner: Member, violation: Violation, settings: Any
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    made = appeal(owner, violation)
    user = factories.user_create("reviewer", is_staff=True)
    user.groups.add(Group.objects.get(name="reviewer"))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:compliance_violation_change", args=[violation.pk]))
    assert page.status_code == 200
    assert "decide/overturn" not in page.content.decode()
    for name, args in (
        ("appeal_decide", [made.pk, "overturn"]),
        ("violation_overturn", [violation.pk]),
        ("violation_publish", [violation.pk]),
        ("violation_confirm", []),
    ):
        url = reverse(f"admin:compliance_{name}", args=args)
        assert client.post(url, {"note": "x"}).status_code == 403
    made.refresh_from_db()
    assert made.status == "open"


@pytest.mark.rule("CMP-6")
def test_confirming_shows_what_it_costs_first(
    officer_client: Client, shop: Seller, officer: User
) -> None:
    confirm(officer, shop, GOODS, points=45)
    confirm(officer, shop, CONTACT)
    url = reverse("admin:compliance_violation_confirm")
    assert officer_client.get(url).status_code == 200
    typed = {
        "seller": str(shop.pk), "rule": "off_platform_contact", "happened_on": "2022-08-02",
        "happened_at": "18:30", "evidence": "Gave a WhatsApp number.",
    }  # fmt: skip
    wrong = officer_client.post(url, {**typed, "product": "no-such"})
    assert "This is not one of the shop" in wrong.content.decode()
    preview = officer_client.post(url, typed)
    text = preview.content.decode()
    assert "Confirming closes Suzhou E-Bike Kits Ltd" in text
    assert "3: from 45 to 48 of 48" in text
    assert "Aug 2, 2022 18:30 Pacific" in text
    with unscoped():
        assert Violation.objects.count() == 2
    form = preview.context["evidence"]
    sent = {**typed, "confirmed": "1", "key": form["key"].value(), "seen": form["seen"].value()}
    # Somebody else was faster: what was shown is not what would happen.
    faster = confirm(officer, shop, CONTACT)
    again = officer_client.post(url, sent)
    assert "Something else was decided" in again.content.decode()
    violation_overturn(actor=officer, violation=faster, note="A mistake.")
    bad = SimpleUploadedFile("proof.png", b"no image")
    refused = officer_client.post(url, {**sent, "uploads": [bad]})
    assert "Gave a WhatsApp number." in refused.content.decode()
    done = officer_client.post(url, {**sent, "uploads": [upload("proof.png")]})
    twice = officer_client.post(url, {**sent, "uploads": [upload("proof.png")]})
    assert done.status_code == 302
    with unscoped():
        made = Violation.objects.latest("pk")
        assert (made.step, made.points, made.files.count()) == (2, 3, 1)
        assert made.happened_at.isoformat() == "2022-08-03T01:30:00+00:00"
        assert Violation.objects.count() == 4
    assert (twice.status_code, twice["Location"]) == (302, done["Location"])
    shop.refresh_from_db()
    assert shop.status == "closed"


@pytest.mark.rule("CMP-6")
def test_publishing_ending_and_ladders_in_the_admin(
    officer_client: Client, shop: Seller, officer: User
) -> None:
    grave = confirm(officer, shop, CONTACT, grave=True)
    publish = reverse("admin:compliance_violation_publish", args=[grave.pk])
    assert "S****Ltd" in officer_client.get(publish).content.decode()
    officer_client.post(publish, {"public": "1"})
    grave.refresh_from_db()
    assert grave.public
    (effect,) = effects_in_force(shop)
    end = reverse("admin:compliance_violation_end_effect", args=[grave.pk, effect.pk])
    assert officer_client.post(end, {"note": "Good will."}).status_code == 302
    assert effects_in_force(shop) == []
    ladders = officer_client.get(reverse("admin:compliance_violation_ladders")).content.decode()
    assert "Trade Assurance closed for 90 days" in ladders
    overturn = reverse("admin:compliance_violation_overturn", args=[grave.pk])
    assert officer_client.get(overturn).status_code == 200
    officer_client.post(overturn, {"note": "A mistake."})
    assert points_of(shop) == 0
    listed = officer_client.get(reverse("admin:compliance_violation_changelist"))
    assert "Leading buyers" in listed.content.decode()
