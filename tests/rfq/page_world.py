"""A shop with something on every page of RFQ, for tests that walk pages."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from portal import platform_time
from portal.choices import BuyerTier
from portal.models import Member
from portal.scoping import seller_scope, unscoped
from rfq.choices import Grade
from rfq.models import ChallengeEntry, QuoteDraft, QuoteTemplate, SavedSearch, SpamReport
from rfq.services.follow_ups import follow_ups_after_submit
from rfq.services.pins import quote_pin
from rfq.services.rfq_words import words_write
from tests.rfq.score_rows import DAY, benchmark, outlook_row, score_publish, score_row
from tests.rfq.world import (
    assessment_create,
    buyer_create,
    invitation_create,
    order_create,
    quote_create,
    rfq_create,
    rights_create,
)


def rfq_pages_fill(owner: Member) -> dict[str, Any]:
    """Make RFQs of every grade and what the shop did with them; return what pages are opened with.

    Keys: `plain`, `silver`, `gold`, `pro`, `invited`, `full`, `over` (open RFQ ids by what they are),
    `quote` (a pinned, replied one), `template`, `search`, `order`.
    """
    shop, now = owner.seller, platform_time.now()
    buyer = buyer_create(tier=BuyerTier.L2, company="Nordhaus")
    rfqs = {
        "plain": rfq_create(rfq_id="R-plain", buyer=buyer, target_price=Decimal("12.5")),
        "silver": rfq_create(
            rfq_id="R-silver", grade=Grade.SILVER, opens_to_all_at=now + timedelta(hours=5)
        ),
        "gold": rfq_create(rfq_id="R-gold", grade=Grade.GOLD),
        "pro": rfq_create(rfq_id="R-pro", grade=Grade.PRO, value_usd=Decimal(60_000)),
        "invited": rfq_create(rfq_id="R-invited", grade=Grade.PRO, value_usd=Decimal(60_000)),
        "full": rfq_create(rfq_id="R-full", seats=1, quoted=1),
        "over": rfq_create(rfq_id="R-ended", posted_at=now - timedelta(days=40)),
        "quoted": rfq_create(rfq_id="R-quoted", buyer=buyer),
    }
    words_write([rfq.pk for rfq in rfqs.values()])
    invitation_create(rfqs["invited"], shop)
    rights_create(shop, quote=10, gold=4, fast_lane=1, pin=3)
    at = now - timedelta(minutes=20)
    quote = quote_create(
        seller=shop, rfq=rfqs["quoted"], viewed_at=at, replied_at=at, status="replied"
    )
    with seller_scope(shop):
        follow_ups_after_submit([quote])
        quote_pin(member=owner, quote=quote)
        words = {"message": "We have made them since 2013."}
        template = QuoteTemplate.objects.create(
            seller=shop, name="48V", content=words, elements={"years": "9"}, changed_at=now
        )
        search = SavedSearch.objects.create(
            seller=shop, user=owner.user, name="48V", query="q=kits", seen_until=now
        )
        QuoteDraft.objects.create(
            seller=shop, user=owner.user, rfq=rfqs["gold"], content=words, saved_at=now
        )
        ChallengeEntry.objects.create(seller=shop, month=date(2022, 8, 1), enrolled_at=now)
        SpamReport.objects.create(
            rfq=rfqs["over"], seller=shop, kind="advert", description="48V", reported_at=now,
            answer_due_at=now + timedelta(days=3),
        )  # fmt: skip
    order = order_create(
        seller=shop, buyer=buyer, created_at=at, paid_at=at, amount=Decimal("1180.00")
    )
    score_row(shop)
    outlook_row(shop)
    benchmark(shop, "quotes", 44)
    assessment_create(seller=shop, pin_rights=5)
    with unscoped():
        score_publish(DAY)
    return {
        **{name: rfq.rfq_id for name, rfq in rfqs.items()},
        "quote": quote.pk,
        "template": template.pk,
        "search": search.pk,
        "order": order.order_id,
    }


def rfq_page_paths(made: dict[str, Any]) -> list[str]:
    """Return the pages about one thing of that shop, and the market's tabs and filters."""
    quote = f"/rfq/quotes/{made['quote']}/"
    return [
        *(f"/rfq/rfqs/{made[name]}/" for name in ("plain", "silver", "gold", "pro", "over")),
        *(f"/rfq/rfqs/{made[name]}/quote/" for name in ("plain", "gold", "full", "pro")),
        f"/rfq/rfqs/{made['plain']}/spam-report/",
        quote, f"{quote}sent/", f"{quote}revise/", f"{quote}withdraw/", f"{quote}link-order/",
        f"/rfq/templates/{made['template']}/", f"/rfq/templates/{made['template']}/delete/",
        f"/rfq/searches/{made['search']}/delete/",
        f"/rfq/orders/{made['order']}/link/",
        "/rfq/challenge/2022-08/",
        "/rfq/?tab=all", "/rfq/?tab=saved", "/rfq/?q=nothing-fits&country=DE&can_quote=true",
        "/rfq/quotes/?tab=attention", "/rfq/quotes/?tab=drafts", "/rfq/quotes/?tab=follow-ups",
        "/rfq/score/simulate/?gmv=35000&reply_rate=50",
    ]  # fmt: skip
