"""Who may open what: every address as every kind of person, against `access.txt` (Q-6, K-7, K-8, UI-7).

A new address without a row fails. `ACCESS_TABLE=write` writes the table anew; read the difference.
"""

from __future__ import annotations

import os
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.urls import reverse

from compliance.choices import TextPlace
from compliance.models import (
    GateBlock,
    GatedProduct,
    MarkCase,
    ProductHit,
    ProtectedMark,
    RuleClass,
    Violation,
)
from growth.choices import EnrolmentState
from growth.models import (
    AffiliatedCompany,
    Enrolment,
    EnrolmentRenewal,
    Pack,
    PackClaim,
    Programme,
    RewardGrant,
    UpgradeRequest,
)
from listings.models import ShippingTemplate
from portal import platform_time
from portal.models import Member, NightRun, User
from portal.nightly import ledger
from portal.scoping import unscoped
from rfq.models import ChallengeEntry, QuoteTemplate, SavedSearch, SpamReport
from rfq.services.follow_ups import follow_ups_after_submit
from tests import factories
from tests.compliance.world import submitted
from tests.conftest import Clock
from tests.listings.theme_world import product_feed, theme_make
from tests.portal import access_walk
from tests.portal.access_walk import PERSONS, Route, Walker
from tests.portal.page_rows import AS_OF, bulletin_create, buyer_create, notice_create, order_create
from tests.portal.webhook_world import deliveries, endpoint_create, happened
from tests.rfq.world import file_create, lot_create, quote_create, rfq_create

pytestmark = [pytest.mark.django_db, pytest.mark.once]

Answers = dict[Route, list[str]]


@pytest.fixture
def persons(
    owner: Member, colleague: Member, viewer: Member, stranger: Member, staff: User
) -> dict[str, User | None]:
    """One user of each kind, in the order of the table's columns."""
    groups = {
        "reviewer": "reviewer",
        "operator": "operator",
        "risk": "risk officer",
        "admins": "admin",
    }
    employees = {}
    for person, group in groups.items():
        employees[person] = factories.user_create(person, is_staff=True)
        employees[person].groups.add(Group.objects.get(name=group))
    found = {
        "anonymous": None, "viewer": viewer.user, "colleague": colleague.user,
        "owner": owner.user, "stranger": stranger.user, "superuser": staff, **employees,
    }  # fmt: skip
    return {person: found[person] for person in PERSONS}


@pytest.fixture
def routes(
    persons: dict[str, User | None], owner: Member, colleague: Member, clock: Clock
) -> list[Route]:
    """Every route, with examples that belong to the owner's shop."""
    shop = owner.seller
    product_feed(shop, "p1")
    theme_make("t1")
    order_create(shop, buyer_create(1), "o1")
    bulletin_create("news")
    notice = notice_create(shop, owner.user, "told")
    template = ShippingTemplate.objects.create(seller=shop, name="Sea")
    ledger.night_start(as_of=AS_OF, mode=ledger.INLINE)
    run = NightRun.objects.get()
    mine = rfq_rows(owner)
    common: dict[str, Any] = {
        "product_id": "p1", "theme_id": "t1", "code": "e-bike-kits", "username": "colleague",
        "order_id": "o1", "slug": "news", "module": "portal.buyer_labels", "version": "2022-08",
        "key": "listings.rts_products", "kind": "buyers", "as_of": str(AS_OF), "uidb36": "1",
        "app_label": "portal", "object_id": "1", "content_type_id": 1, "pk": 1, "url": "x",
        "run_id": run.pk, "job_run_id": run.jobs.order_by("pk")[0].pk, "rfq_id": "open",
        "month": "2022-08", "token": mine.pop("token"), "decision": "uphold", "shop": shop.member_id,
    }  # fmt: skip
    examples: dict[str, dict[str, Any]] = {
        "account_confirm_email": {"key": "nobodys-key"},
        "account_reset_password_from_key": {"uidb36": "1", "key": "nobodys-key"},
        "portal:api-operation": {"key": "me"},
        "portal:notice-open": {"pk": notice.pk},
        "portal:member-role": {"pk": colleague.pk},
        "portal:member-deactivate": {"pk": colleague.pk},
        "listings:product-shipping-edit": {"pk": template.pk},
        "listings:product-shipping-delete": {"pk": template.pk},
        "api:listings:shipping-template": {"pk": template.pk},
        **{name: {"pk": pk} for name, pk in mine.items()},
        **compliance_examples(owner),
        **growth_examples(owner),
        **webhook_examples(owner),
    }
    with unscoped():
        for model in apps.get_models():
            options = model._meta
            first = model._base_manager.order_by("pk").values_list("pk", flat=True).first()
            for action in (
                "change",
                "delete",
                "history",
                "publish",
                "withdraw",
                "revisions",
                "rejections",
                "decide",
                "claim",
                "release",
                "overturn",
                "end_effect",
                "terms",
                "export",
                "test",
                "retract",
                "disable",
                "enable",
            ):
                name = f"admin:{options.app_label}_{options.model_name}_{action}"
                keys = {"object_id": first or 1, "pk": first or 1, "effect": 1}
                examples[name] = {**keys, **examples.get(name, {})}
    return sorted(access_walk.routes(examples, common))


def rfq_rows(owner: Member) -> dict[str, Any]:
    """Make an open RFQ, and on another one what the shop has; return route → primary key."""
    shop = owner.seller
    rfq_create(rfq_id="open")
    with unscoped():
        lot_create(seller=shop)
        quote = quote_create(seller=shop, rfq=rfq_create(rfq_id="quoted"))
        now = quote.submitted_at
        follow_ups_after_submit([quote])
        words = {"content": {"message": "We make them."}, "changed_at": now}
        template = QuoteTemplate.objects.create(seller=shop, name="Ours", **words)
        search = SavedSearch.objects.create(
            seller=shop, user=owner.user, name="Kits", query="q=kit", seen_until=now
        )
        SpamReport.objects.create(
            rfq=quote.rfq, seller=shop, kind="advert", description="x", reported_at=now,
            answer_due_at=now,
        )  # fmt: skip
        ChallengeEntry.objects.create(seller=shop, month=date(2022, 8, 1), enrolled_at=now)
        token = file_create(seller=shop).token
    rows = {name: quote.pk for name in PRIVATE if "quote" in name}
    rows |= {name: template.pk for name in PRIVATE if "template" in name}
    rows |= {name: search.pk for name in PRIVATE if "search" in name}
    return {**rows, "token": token}


def compliance_examples(owner: Member) -> dict[str, dict[str, Any]]:
    """Make a waiting certificate, a violation, a mark case and more; return route → its arguments."""
    shop = owner.seller
    waiting = submitted(owner)
    with unscoped():
        violation = Violation.objects.create(
            seller=shop, rule="off_platform_contact", rulebook="2021-08", step=1, key="walk",
            evidence="x", happened_at=waiting.submitted_at, penalised_at=waiting.submitted_at,
            points_until=waiting.submitted_at + timedelta(days=365),
            appeal_until=waiting.submitted_at + timedelta(days=7),
        )  # fmt: skip
        product = GatedProduct.objects.filter(seller=shop).earliest("pk")
        case = MarkCase.objects.create(
            product=product, title="Birkin", opened_at=waiting.submitted_at,
            mark=ProtectedMark.objects.filter(active=True).earliest("pk"),
        )  # fmt: skip
        ProductHit.objects.create(
            product=product, rule_class=RuleClass.objects.earliest("pk"),
            term="x", place=TextPlace.TITLE, excerpt="x",
        )  # fmt: skip
        GateBlock.objects.create(
            product_id=product.product_id, seller=shop, country="DE", day=waiting.submitted_at.date(),
            reasons=[], reasons_key="", first_at=waiting.submitted_at, last_at=waiting.submitted_at,
        )  # fmt: skip
    keys = {"certificate": waiting.pk, "violation": violation.pk, "mark": case.pk}
    return {
        **{name: {"pk": keys[name.split(":")[-1].split("-")[0]]} for name in PRIVATE_COMPLIANCE},
        "compliance:closed-violation": {"pk": violation.pk},
        "compliance:service-request": {"code": "de-battery"},
        "admin:compliance_certificate_decide": {"decision": "approve"},
    }


PRIVATE_COMPLIANCE = {
    "compliance:certificate", "compliance:certificate-edit", "compliance:certificate-submit",
    "compliance:certificate-take-back", "compliance:certificate-delete",
    "compliance:certificate-impact", "compliance:violation", "api:compliance:certificate",
    "api:compliance:certificate-submit", "api:compliance:certificate-take-back",
    "api:compliance:certificate-impact", "api:compliance:violation",
    "api:compliance:violation-appeal", "compliance:mark-case", "api:compliance:mark-case",
    "api:compliance:mark-answer",
}  # fmt: skip
"""Addresses with the number of a certificate, violation or mark case of the owner's shop."""


def growth_examples(owner: Member) -> dict[str, dict[str, Any]]:
    """Make what a shop can have of growth; return route → its arguments."""
    shop = owner.seller
    with unscoped():
        at = platform_time.now()
        pack = Pack.objects.get(code="company-strength-2022-08")
        claim = PackClaim.objects.create(
            pack=Pack.objects.get(code="company-strength-2022-07"), seller=shop, claimed_at=at
        )
        reward = RewardGrant.objects.create(
            claim=claim, reward=claim.pack.rewards.earliest("pk"), seller=shop, granted_at=at,
            usable_until=at,
        )  # fmt: skip
        request = UpgradeRequest.objects.create(
            seller=shop, contact="x", phone="1", asked_at=at, due_at=at
        )
        showroom = Programme.objects.get(code="vr_showroom")
        enrolment = Enrolment.objects.create(
            programme=showroom, seller=shop, state=EnrolmentState.ACTIVE, applied_at=at
        )
        EnrolmentRenewal.objects.create(enrolment=enrolment, asked_at=at, answer_due_at=at)
        AffiliatedCompany.objects.create(seller=shop, name="x")
    rows = {"reward": reward.pk, "rights": request.pk}
    named = {
        f"{api}growth:{name}": {"code": code, "step": "configured"}
        for api in ("", "api:")
        for code, names in (
            (pack.code, ("pack", "pack-claim")),
            (showroom.code, PROGRAMME_ROUTES),
        )
        for name in names
    }
    private = {name: {"pk": rows[name.split(":")[-1].split("-")[0]]} for name in PRIVATE_GROWTH}
    return {**named, **private}


def webhook_examples(owner: Member) -> dict[str, dict[str, Any]]:
    """Make an endpoint with a delivery; return route → its arguments."""
    endpoint = endpoint_create(owner.seller)
    happened(owner.seller)
    (delivery,) = deliveries()
    keys = {"uid": endpoint.uid, "event": delivery.event.external_id}
    return dict.fromkeys(PRIVATE_WEBHOOKS, keys)


PRIVATE_WEBHOOKS = {
    "portal:webhook", "portal:webhook-edit", "portal:webhook-secret", "portal:webhook-rotate",
    "portal:webhook-pause", "portal:webhook-resume", "portal:webhook-delete",
    "portal:webhook-test", "portal:webhook-replay", "portal:webhook-delivery",
    "portal:webhook-delivery-replay", "api:webhook", "api:webhook-rotate", "api:webhook-pause",
    "api:webhook-resume", "api:webhook-test", "api:webhook-replay", "api:webhook-deliveries",
    "api:webhook-delivery", "api:webhook-delivery-replay",
}  # fmt: skip
"""Addresses with the id of an endpoint of the owner's shop."""
PROGRAMME_ROUTES = (
    "programme", "programme-enrol", "programme-leave", "programme-step", "programme-renew",
    "programme-renewal",
)  # fmt: skip
PRIVATE_GROWTH = {
    "growth:reward-choose", "growth:reward-use", "api:growth:reward-choose",
    "api:growth:reward-use", "growth:rights-upgrade-cancel",
}  # fmt: skip
"""Addresses with the number of a reward or an upgrade request of the owner's shop."""


PRIVATE = PRIVATE_COMPLIANCE | PRIVATE_GROWTH | PRIVATE_WEBHOOKS | {
    "rfq:quote", "rfq:quote-sent", "rfq:quote-pin", "rfq:quote-revise", "rfq:quote-withdraw",
    "rfq:quote-follow-up", "rfq:quote-link-order", "rfq:template", "rfq:template-delete",
    "rfq:search-change", "rfq:search-delete", "api:rfq:quote", "api:rfq:quote-withdraw",
    "api:rfq:quote-pin", "api:rfq:quote-follow-ups", "api:rfq:template", "api:rfq:search",
}  # fmt: skip
"""Addresses with the number of a row of the owner's shop."""


@pytest.fixture
def answers(routes: list[Route], persons: dict[str, User | None]) -> Answers:
    """What everybody gets, everywhere."""
    walkers = [Walker(user) for user in persons.values()]
    return {route: [walker.ask(route) for walker in walkers] for route in routes}


@pytest.mark.long
@pytest.mark.rule("Q-6", "K-7", "K-8", "UI-7")
def test_everybody_gets_what_the_table_says_and_nothing_breaks_the_rules(answers: Answers) -> None:
    if os.environ.get("ACCESS_TABLE") == "write":
        access_walk.write_table(answers)
    expected = access_walk.read_table()
    found = {(route.name, route.method): row for route, row in answers.items()}
    wrong = [
        f"{method.upper()} {name} as {person}: {got}, the table says {told}"
        for (name, method), row in found.items()
        for person, got, told in zip(
            PERSONS, row, expected.get((name, method), ["nothing"] * len(row)), strict=True
        )
        if got != told
    ]
    assert not wrong, "\n".join(wrong)
    _hold_to_the_rules(answers)


OPEN_TO_ALL = {"healthz", "set_language", "portal:language"}
"""Besides the pages on which people sign in."""
OF_ONE_SHOP = {"p1", "o1", "colleague"}
"""Keys of the owner's shop that appear in an address."""
SPENDING = (
    "quote-pin", "quote-withdraw", "quote-submit", "challenge-claim", "challenge-enrol",
    "pack-claim", "reward-choose", "reward-use", "programme-enrol", "programme-leave",
)  # fmt: skip
"""What uses rights, gives something up or claims: never for viewers (K-7)."""


def _hold_to_the_rules(answers: Answers) -> None:
    """Say what no table may say, however it was written."""
    for route, row in answers.items():
        got = dict(zip(PERSONS, row, strict=True))
        where = f"{route.method.upper()} {route.name}: {got}"
        assert not [answer for answer in row if answer.startswith("5")], where
        if not route.name.startswith(("account_", "mfa_", "admin:")):
            assert got["anonymous"] in ("302>login", "401", "403", "404", "405") or (
                route.name in OPEN_TO_ALL
            ), where
        if route.name.endswith(SPENDING) and route.method == "post":
            assert got["viewer"] == "403", where
        private = set(route.example.strip("/").split("/")) & OF_ONE_SHOP
        if (private or route.name in PRIVATE) and "admin" not in route.name:
            # A row of another shop answers like one that does not exist; a body may be refused first.
            assert got["stranger"] in ("404", "403", "400"), where
            if got["owner"] in ("200", "201", "204", "302"):
                assert got["stranger"] == "404", where
        if route.name.startswith("admin:"):
            for person in ("anonymous", "viewer", "colleague", "owner", "stranger"):
                assert not got[person].startswith("2"), where
        if route.method != "get" and route.example.startswith("/api/v1/ingest"):
            assert got["owner"] == "403", where


def test_the_table_has_a_row_for_every_address_and_no_other(routes: list[Route]) -> None:
    table = access_walk.read_table()
    assert len(table) > 250
    assert {(route.name, route.method) for route in routes} == set(table)


def test_the_sign_in_page_is_where_the_table_thinks(client) -> None:
    response = client.get(reverse("portal:home"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))
