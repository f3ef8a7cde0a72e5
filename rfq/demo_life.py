"""What the demo's first shop did with RFQs in December: quotes with pins, the challenge, a template."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from portal import platform_time
from portal.demo.life import act
from portal.demo.people import OWNERS
from portal.demo.rfq_words import MESSAGE
from portal.ingest.engine import ingest_rows
from portal.ingest.kinds import kind_named
from portal.models import Member
from portal.scoping import seller_scope, unscoped
from rfq.choices import Grade
from rfq.market.access import quoting_standing, refusal_for
from rfq.models import Quote, QuoteTemplate, Rfq
from rfq.services.challenge import challenge_enrol
from rfq.services.quote_templates import template_save
from rfq.services.quotes import QuoteTerms, quote_submit, quote_withdraw

MONTH = date(2022, 12, 1)
REACTIONS = (
    ("viewed_at", "replied_at"),
    ("viewed_at",),
    ("viewed_at", "replied_at"),
    ("rejected_at",),
)
ELEMENTS = {
    "years": "9 years, since 2013",
    "output": "480,000 pieces a year",
    "capacity": "2,000 pieces a day on 4 lines",
    "customization": "Logo, colour and packaging from 200 pieces",
    "brands": "Two retail chains in Germany and the United States",
    "certificates": "ISO 9001, BSCI, CE",
}


def first_owner() -> Member:
    """Return the owner of the demo's first shop."""
    with unscoped():
        return Member.objects.select_related("seller", "user").get(
            user__username=OWNERS[0], role="owner"
        )


@act("2022-12-04T18:00:00-08:00")
def enrol_and_prepare() -> None:
    """Take part in December's challenge and write a template."""
    member = first_owner()
    challenge_enrol(member=member, month=MONTH)
    with seller_scope(member.seller):
        if not QuoteTemplate.objects.exists():
            template_save(
                member=member,
                name="Company introduction",
                content={"message": MESSAGE},
                elements=ELEMENTS,
            )


@act("2022-12-06T18:10:00-08:00")
def quote_with_a_pin() -> None:
    """Quote two fresh requests, one of them pinned."""
    _quote(Grade.STANDARD, Grade.STANDARD, pinned=1)


@act("2022-12-08T19:40:00-08:00")
def quote_gold() -> None:
    """Quote two gold requests, one of them pinned."""
    _quote(Grade.GOLD, Grade.GOLD, pinned=1)


@act("2022-12-11T17:30:00-08:00")
def quote_and_withdraw() -> None:
    """Quote three and take one back: its right stays used."""
    for quote in _quote(Grade.STANDARD, Grade.STANDARD, Grade.STANDARD)[2:]:
        quote_withdraw(member=first_owner(), quote=quote)


@act("2022-12-13T18:05:00-08:00")
def quote_silver() -> None:
    """Quote a silver request and one more."""
    _quote(Grade.SILVER, Grade.STANDARD)


@act("2022-12-15T09:30:00-08:00")
def buyers_react() -> None:
    """Let the buyers of the first of these quotes view, reply and reject."""
    with unscoped():
        quotes = Quote.objects.filter(submitted_by__username=OWNERS[0], withdrawn_at=None)
        made = list(quotes.select_related("rfq", "seller").order_by("submitted_at", "pk")[:4])
    rows = [
        {
            "seller": quote.seller.member_id,
            "rfq": quote.rfq.rfq_id,
            "submitted_at": quote.submitted_at.isoformat(),
            "unit_price": str(quote.unit_price),
            **dict.fromkeys(names, (quote.submitted_at + timedelta(hours=5)).isoformat()),
        }
        for quote, names in zip(made, REACTIONS, strict=True)
    ]
    kind = kind_named("quotes")
    if kind is None or not ingest_rows(kind, rows, name="demo").ok:
        raise AssertionError("the reactions of the demo's buyers were refused")


def _quote(*grades: Grade, pinned: int = 0) -> list[Quote]:
    """Quote the newest requests of these grades that the shop may quote; nothing when it has.

    The first `pinned` of them are pinned.
    """
    member, now = first_owner(), platform_time.now()
    with unscoped():
        if Quote.objects.filter(seller=member.seller, submitted_at=now).exists():
            return []
    quotes = []
    for number, grade in enumerate(grades):
        rfq = _next_request(member, grade)
        pin = number < pinned
        quotes.append(quote_submit(member=member, rfq=rfq, terms=_terms(rfq), pin=pin).quote)
    return quotes


def _next_request(member: Member, grade: Grade) -> Rfq:
    """Return the newest request of the shop's industry and a grade that it may quote now."""
    now = platform_time.now()
    with unscoped():
        candidates = list(
            Rfq.objects.live(now)
            .filter(
                grade=grade,
                posted_at__lte=now - timedelta(minutes=50),
                category__above__ancestor=member.seller.industry_id,
            )
            .order_by("-posted_at")[:60]
        )
        standing = quoting_standing(seller=member.seller, rfqs=candidates, now=now)
    return next(rfq for rfq in candidates if refusal_for(rfq, standing, now) is None)


def _terms(rfq: Rfq) -> QuoteTerms:
    price = (rfq.target_price or Decimal(10)) * Decimal("0.97")
    return QuoteTerms(
        unit_price=price.quantize(Decimal("0.01")),
        moq=100,
        lead_time_days=25,
        ship_from="Shenzhen",
        sample_offered=True,
        valid_until=platform_time.today() + timedelta(days=30),
        message=MESSAGE,
    )
