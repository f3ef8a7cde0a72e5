"""A shop that has everything: standings of all modules, and any number of each thing a page lists."""

from __future__ import annotations

from datetime import timedelta

from compliance.choices import TextPlace
from compliance.models import (
    GatedProduct,
    MarkCase,
    ProductHit,
    ProtectedMark,
    RuleClass,
    Violation,
)
from portal import platform_time
from portal.models import Member, Seller, User
from portal.scoping import unscoped
from rfq.choices import Grade, QuoteStatus
from rfq.models import ChallengeEntry, FollowUp, QuoteDraft
from tests.compliance.world import certificate_create
from tests.growth.page_world import DAY, growth_pages_fill
from tests.listings.theme_world import ASKS, match_make, product_feed, theme_make
from tests.portal.page_rows import bulletin_create, notice_create, order_create
from tests.portal.page_rows import buyer_create as portal_buyer
from tests.portal.webhook_world import endpoint_create, happened
from tests.rfq.world import assessment_create, buyer_create, lot_create, quote_create, rfq_create


def full_shop_fill(owner: Member, stranger: Member, staff: User) -> None:
    """Give the owner's shop standings of all modules and one of each thing; the time is `page_world.NOON`."""
    growth_pages_fill(owner, stranger, staff)
    owner.seller.refresh_from_db()
    standings(owner.seller)
    everything(owner, 1)


def everything(owner: Member, number: int) -> None:
    """Give a shop `number` of each thing that makes an action or a tile."""
    shop, now = owner.seller, platform_time.now()
    for place in range(number):
        key = f"{number}-{place}"
        product = product_feed(shop, f"p{key}", status="live")
        match_make(product, theme_make(f"m{key}", **ASKS), since=DAY)
        theme_make(f"t{key}", **{**ASKS, "price_max": "1301"}, traffic_gain=place + 1)
        lot_create(seller=shop, expires_at=now + timedelta(days=2))
        lot_create(seller=shop, kind="gold", expires_at=now + timedelta(days=2))
        rfq_create(grade=Grade.GOLD)
        _quoting(owner, key)
        order_create(
            shop, portal_buyer(number * 100 + place), f"late-{key}",
            paid_at=now - timedelta(days=9), ship_by=DAY - timedelta(days=1),
        )  # fmt: skip
        bulletin_create(f"news-{key}")
        notice_create(shop, owner.user, f"notice-{key}")
        endpoint_create(shop)
        happened(shop)
        certificate_create(seller=shop, category="packaging", number=f"DE{key}")
        _rules_broken(shop, key)


def _quoting(owner: Member, key: str) -> None:
    shop, now = owner.seller, platform_time.now()
    at = now - timedelta(hours=3)
    quote_create(
        seller=shop, rfq=rfq_create(buyer=buyer_create(tier="L2"), posted_at=at - timedelta(days=1)),
        status=QuoteStatus.REPLIED, viewed_at=at, replied_at=at,
    )  # fmt: skip
    draft = rfq_create(expires_at=now + timedelta(hours=5))
    with unscoped():
        QuoteDraft.objects.create(
            seller=shop, user=owner.user, rfq=draft, content={"moq": "5"}, saved_at=now
        )
        FollowUp.objects.create(
            seller=shop, quote=quote_create(seller=shop), kind="reply", due_on=platform_time.today()
        )


def _rules_broken(shop: Seller, key: str) -> None:
    now = platform_time.now()
    with unscoped():
        Violation.objects.create(
            seller=shop, rule="off_platform_contact", rulebook="2021-08", step=1, key=key, points=3,
            evidence="x", happened_at=now, penalised_at=now, points_until=now + timedelta(days=365),
            appeal_until=now + timedelta(days=7),
        )  # fmt: skip
        product = GatedProduct.objects.filter(seller=shop).latest("pk")
        ProductHit.objects.create(
            product=product, rule_class=RuleClass.objects.earliest("pk"), term="x",
            place=TextPlace.TITLE, excerpt="x",
        )  # fmt: skip
        MarkCase.objects.create(
            product=product,
            title="Birkin",
            opened_at=now,
            mark=ProtectedMark.objects.earliest("pk"),
        )


def standings(shop: Seller) -> None:
    """Add what no night of the filled pages writes; their nights count the scores of RFQ as well."""
    assessment_create(seller=shop)
    with unscoped():
        ChallengeEntry.objects.create(
            seller=shop, month=DAY.replace(day=1), enrolled_at=platform_time.now()
        )
