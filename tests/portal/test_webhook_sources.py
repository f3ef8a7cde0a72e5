"""Each event from where it really comes from, once (API-1, EPR-7, RFQ-12, RFQ-18, GRO-12)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compliance.services.reviews import certificate_claim, certificate_reject, certificate_revoke
from growth.models import StarAssessment
from portal import platform_time
from portal.ingest.engine import ingest_rows
from portal.models import Member, Seller, User, WebhookEvent
from portal.scoping import unscoped
from rfq.models import Assessment, Quote
from rfq.quotes.ingest import QuoteKind
from tests import factories
from tests.compliance.review_world import approved
from tests.compliance.world import certificate_create, reviewer_create, submitted
from tests.growth.world import night as growth_night
from tests.portal.webhook_world import endpoint_create, told
from tests.rfq.score_world import night as rfq_night
from tests.rfq.world import quote_create, rfq_create

pytestmark = [pytest.mark.rule("API-1"), pytest.mark.django_db, pytest.mark.both_databases]

JULY_31, AUGUST_1, AUGUST_3 = date(2022, 7, 31), date(2022, 8, 1), date(2022, 8, 3)
BASE = "http://127.0.0.1:8000/api/v1"


def keys() -> set[str]:
    """Every key of a database that an event might give away."""
    with unscoped():
        return set(WebhookEvent.objects.values_list("key", flat=True))


# --- Certificates -------------------------------------------------------------------------------


@pytest.fixture
def reviewer(settings: Any, tmp_path: Path, clock: Any) -> User:
    settings.MEDIA_ROOT = tmp_path / "media"
    return reviewer_create("reviewer")


@pytest.mark.rule("EPR-7")
def test_every_decision_about_a_certificate(owner: Member, reviewer: User) -> None:
    endpoint_create(owner.seller)
    certificate = approved(reviewer, submitted(owner))
    certificate_revoke(
        actor=reviewer, certificate=certificate, code="x", text_en="Withdrawn.", text_zh="已撤回。"
    )
    first, second = told()
    assert first[:2] == ("cn1001", "certificate.decided")
    assert first[2] == {
        "type": certificate.type,
        "country": certificate.country,
        "category": certificate.category,
        "number": certificate.number_typed,
        "decision": "approved",
        "status": "verified",
        "reason": {"code": "", "en": "", "zh": ""},
        "valid_until": None,
        "url": f"{BASE}/compliance/certificates/{certificate.pk}",
    }
    assert (second[2]["decision"], second[2]["status"]) == ("revoked", "revoked")
    assert second[2]["reason"] == {"code": "x", "en": "Withdrawn.", "zh": "已撤回。"}
    assert second[2]["valid_until"] == "2022-08-03T19:00:00Z"


@pytest.mark.rule("EPR-7")
def test_a_rejection_is_told_and_a_refused_step_is_not(owner: Member, reviewer: User) -> None:
    endpoint_create(owner.seller)
    certificate = submitted(owner)
    with pytest.raises(Exception, match="Claim"):
        certificate_reject(actor=reviewer, certificate=certificate, code="x", text_en="No.")
    assert told() == []
    certificate_claim(actor=reviewer, certificate=certificate)
    certificate_reject(actor=reviewer, certificate=certificate, code="x", text_en="No.")
    ((_shop, _type, data),) = told()
    assert (data["decision"], data["status"], data["reason"]["en"]) == (
        "rejected",
        "rejected",
        "No.",
    )


@pytest.mark.rule("EPR-7")
def test_what_is_no_decision_is_not_told(owner: Member, reviewer: User, clock: Any) -> None:
    endpoint_create(owner.seller)
    last = platform_time.today()
    certificate_create(seller=owner.seller, expires_on=last, valid_until=platform_time.end_of(last))
    certificate_claim(actor=reviewer, certificate=submitted(owner))
    assert told() == []


# --- Quotes -------------------------------------------------------------------------------------


def reply(quote: Quote, at: Any) -> None:
    report = ingest_rows(
        QuoteKind,
        [
            {
                "seller": quote.seller.member_id,
                "rfq": quote.rfq.rfq_id,
                "submitted_at": quote.submitted_at.isoformat(),
                "unit_price": "10",
                "viewed_at": at.isoformat(),
                "replied_at": at.isoformat(),
            }
        ],
    )
    assert not report.error
    assert report.rejected == 0


@pytest.mark.rule("RFQ-12")
def test_a_reply_is_told_when_it_is_fed_and_once(
    owner: Member, shop: Seller, other_shop: Seller, clock: Any
) -> None:
    endpoint_create(shop)
    endpoint_create(other_shop)
    now = platform_time.now()
    rfq = rfq_create(rfq_id="R-1", posted_at=now - timedelta(days=2))
    quote = quote_create(seller=shop, rfq=rfq, submitted_at=now - timedelta(days=1))
    at = now - timedelta(hours=1)
    reply(quote, at)
    reply(quote, at)  # the same row again
    reply(quote, at + timedelta(minutes=1))  # corrected: it is known already
    ((shop_id, kind, data),) = told()
    assert (shop_id, kind) == ("cn1001", "quote.replied")
    assert data == {
        "rfq": "R-1",
        "submitted_at": "2022-08-02T19:00:00Z",
        "replied_at": "2022-08-03T18:00:00Z",
        "url": f"{BASE}/rfq/quotes/{quote.pk}",
    }


@pytest.mark.rule("RFQ-12")
def test_replies_of_long_ago_are_history(owner: Member, shop: Seller, clock: Any) -> None:
    endpoint_create(shop)
    now = platform_time.now()
    rfq = rfq_create(posted_at=now - timedelta(days=30))
    quote = quote_create(seller=shop, rfq=rfq, submitted_at=now - timedelta(days=29))
    reply(quote, now - timedelta(days=20))
    assert told() == []


# --- Nights -------------------------------------------------------------------------------------


@pytest.mark.rule("RFQ-18", "NGT-3")
def test_an_assessed_score_is_told_by_the_night_and_not_by_its_repetition(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    endpoint_create(shop)
    with unscoped():
        rfq_night(JULY_31)
        rfq_night(AUGUST_1, "rfq.assess")
        assessment = Assessment.objects.get(seller=shop)
        clock.advance(hours=30)
        rfq_night(JULY_31, "rfq.score", "rfq.assess")
        rfq_night(AUGUST_1, "rfq.assess")
    ((shop_id, kind, data),) = told()
    assert (shop_id, kind) == ("cn1001", "score.assessed")
    assert data == {
        "month": "2022-07",
        "as_of": "2022-07-31",
        "score": assessment.total,
        "rulebook": "2022-01",
        "rights": assessment.rights(),
        "early_access": assessment.early_access,
        "url": f"{BASE}/rfq/score/history",
    }
    assert keys() == {"score.assessed:2022-07"}


@pytest.mark.rule("RFQ-18", "NGT-3")
def test_a_night_that_is_undone_tells_nothing_and_its_second_attempt_once(
    shop: Seller, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event is in the transaction of the shard: gone with it, told with it."""
    from rfq.nightly import assess

    endpoint_create(shop)
    publish = assess.scores_assessed_publish
    broken = [True]

    def breaks(*args: Any) -> int:
        told_now = publish(*args)
        if broken.pop() if broken else False:
            raise RuntimeError("killed")
        return told_now

    monkeypatch.setattr(assess, "scores_assessed_publish", breaks)
    with unscoped():
        rfq_night(JULY_31)
        rfq_night(AUGUST_1, "rfq.assess")
        assert Assessment.objects.count() == 1
    assert broken == []
    assert len(told()) == 1


@pytest.mark.rule("RFQ-18", "P-3")
def test_a_night_costs_the_same_however_many_shops_listen(category: Any, clock: Any) -> None:
    def counted(listening: Any) -> int:
        for shop in listening:
            endpoint_create(shop)
        WebhookEvent.objects.all().delete()
        Assessment.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            rfq_night(AUGUST_1, "rfq.assess", shards=1)
        return len(queries)

    for number in range(12):
        factories.seller_create(category, member_id=f"s{number}")
    with unscoped():
        rfq_night(JULY_31)
        rfq_night(AUGUST_1, "rfq.assess", shards=1)
        one = counted(Seller.objects.filter(member_id="s0"))
        assert len(told()) == 1
        assert counted(Seller.objects.exclude(member_id="s0")) == one
    assert len(told()) == 12


@pytest.mark.rule("GRO-12", "NGT-3")
def test_an_assessed_star_is_told_by_the_night_and_not_by_its_repetition(
    shop: Seller, other_shop: Seller, clock: Any
) -> None:
    endpoint_create(shop)
    Seller.objects.update(opened_on=date(2020, 1, 1))
    clock.noon(AUGUST_3 + timedelta(days=2))
    with unscoped():
        growth_night(AUGUST_3, "growth.assess")
        assessment = StarAssessment.objects.get(seller=shop)
        clock.advance(hours=30)
        growth_night(AUGUST_3, "growth.assess")
    ((shop_id, kind, data),) = told()
    assert (shop_id, kind) == ("cn1001", "star.assessed")
    assert data == {
        "month": "2022-08",
        "as_of": "2022-08-03",
        "star": assessment.star,
        "rulebook": assessment.rulebook,
        "awaits_core_tasks": assessment.awaits_core_tasks,
        "url": f"{BASE}/growth/star/history",
    }
