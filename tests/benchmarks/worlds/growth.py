"""A made-up marketplace for growth's night: shops of every stage, and all that its metrics count.

Facts of 400 days run through `NEXT`, so that the night of `NEXT` finds a day's worth of new ones. Buyers,
products and requests have no rows of their own where no metric reads them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import connection

from growth.models import Enrolment, Pack, PackClaim, Programme
from growth.services.pack_writing import packs_write
from listings.models import MatchProjection, ProductRevision
from portal.models import (
    Category,
    Dispute,
    ExternalMetric,
    Inquiry,
    LoginDay,
    Member,
    Order,
    ProductDay,
    Seller,
    ShowcaseUse,
    User,
)
from portal.platform_time import end_of, start_of
from rfq.models import Quote
from tests.benchmarks.worlds.generated import (
    as_json,
    at,
    days_before,
    epoch,
    generate,
    indexes_afterwards,
    loading,
    pick,
    seeded,
    some,
)

DAY = date(2022, 9, 2)
"""The last day of the Fanxing packs: the night settles them."""
NEXT = DAY + timedelta(days=1)
"""A 3rd: the night fixes everybody's star."""
INDUSTRIES = 40
HISTORY = 400
OUTSIDE = (
    "company_authenticated", "shop_prepared", "trade_assurance_active", "potential_products",
    "call_reminder", "showcase_rearranged", "keyword_promotion_tuned", "strength_card_set",
    "industry_capability_certified", "strong_products", "strong_products_in_showcase", "odm",
)  # fmt: skip
TOLD = 6
"""How often upstream told a number of a shop; of 100 numbers 60 were ever told."""
PACKS = 20
CLAIMS = 2
"""Per shop."""


def load(sellers: int, seed: int = 1) -> None:
    """Write everything."""
    seeded(seed)
    _packs()
    with loading() as cursor:
        Category.objects.bulk_create(
            Category(pk=n, code=_industry_code(n), name_en=f"Industry {n}")
            for n in range(1, INDUSTRIES + 1)
        )
        for model, columns, per_seller in (
            (Seller, _sellers(), 1),
            (User, _users(), 1),
            (Member, _members(), 1),
            (Order, _orders(sellers), 6),
            (Inquiry, _inquiries(sellers), 6),
            (Quote, _quotes(sellers), 4),
            (LoginDay, _logins(), 5),
            (ShowcaseUse, _showcases(), 2),
            (ProductDay, _product_days(sellers), 6),
            (MatchProjection, _products(sellers), 4),
            (ProductRevision, _revisions(), 4),
            (PackClaim, _claims(), CLAIMS),
        ):
            with indexes_afterwards(cursor, model):
                generate(cursor, model, columns, sellers * per_seller)
        generate(cursor, Dispute, _disputes(), sellers // 5)
        generate(cursor, Enrolment, _enrolments(), sellers // 2)
        with indexes_afterwards(cursor, ExternalMetric):
            generate(cursor, ExternalMetric, _told(), _told_number(sellers), where=_TOLD_AT_ALL)


def change(sellers: int) -> None:
    """Let upstream tell other numbers on `NEXT` about three shops in a hundred."""
    with loading() as cursor:
        columns = {
            "seller_id": f"n * 33 % {sellers} + 1",
            "metric": "'ext.potential_products'",
            "day": days_before(NEXT, "0"),
            "value": pick(120, 2),
        }
        generate(cursor, ExternalMetric, columns, sellers * 3 // 100)


def _industry_code(n: int) -> str:
    return {1: "machinery", 2: "building-materials"}.get(n, f"i{n}")


def _seconds(number: int, salt: int = 6) -> str:
    """Seconds in the order of the rows' numbers over all of the history."""
    first, last = epoch(start_of(NEXT - timedelta(days=HISTORY))), epoch(end_of(NEXT))
    return f"({first} + n * {last - first - 1} / {number})"


def _owner(sellers: int) -> str:
    """A seller: some have many times as many as others."""
    step = pick(30_000, 1)
    return f"(({step} * {step} / 30000 * {sellers} / 30000 + {pick(sellers, 5)}) % {sellers} + 1)"


def _sellers() -> dict[str, str]:
    young, old = (
        days_before(DAY, pick(92, 3)),
        days_before(DAY, f"92 + {pick(2500, 3)}"),
    )
    share = pick(100, 4)
    return {
        "id": "n",
        "member_id": "'s' || n",
        "name_en": "'Shop ' || n",
        "name_zh": "''",
        "membership": some(60, 0, "'verified'", "'basic'"),
        "company_type": "'trader'",
        "province": "''",
        "city": "''",
        "main_category_id": _industry(),
        "industry_id": _industry(),
        "opened_on": f"CASE WHEN {share} < 3 THEN NULL WHEN {share} < 20 THEN {young} ELSE {old} END",
        "assessed_star": some(40, 1, pick(6, 2), "0"),
        "predicted_star": "0",
        "status": some(1, 6, "'closed'", "'active'"),
    }


def _industry() -> str:
    return f"1 + {pick(INDUSTRIES, 0)} * {pick(INDUSTRIES, 0)} / {INDUSTRIES}"


def _users() -> dict[str, str]:
    """Without an address, so that nothing is mailed."""
    return {
        "id": "n",
        "password": "'!'",
        "username": "'u' || n",
        "first_name": "''",
        "last_name": "''",
        "email": "''",
        "is_superuser": "FALSE",
        "session_epoch": "0",
        "is_staff": "FALSE",
        "is_active": "TRUE",
        "date_joined": at(str(epoch(start_of(DAY)))),
        "language": "'en'",
    }


def _members() -> dict[str, str]:
    return {"user_id": "n", "seller_id": "n", "role": "'owner'", "is_active": "TRUE"}


def _orders(sellers: int) -> dict[str, str]:
    created = _seconds(sellers * 6)
    paid = f"{created} + {pick(2 * 86_400, 2)}"
    return {
        "id": "n",
        "order_id": "'o' || n",
        "seller_id": _owner(sellers),
        "buyer_id": f"1 + {pick(2000, 3)}",
        "channel": "'trade_assurance'",
        "kind": some(60, 4, "'customization'", "'rts'"),
        "rfq_ref": "''",
        "amount": f"{pick(900_000, 0)} / 100.0",
        "created_at": at(created),
        "paid_at": some(85, 5, at(paid)),
        "received_at": some(75, 5, at(f"{paid} + {pick(15 * 86_400, 6)}")),
        "received": some(75, 5, f"{pick(900_000, 0)} / 100.0"),
        "ship_by": days_before(NEXT, f"{HISTORY} - n * {HISTORY} / {sellers * 6} - 12"),
        "dispatched_at": some(70, 5, at(f"{paid} + {pick(14 * 86_400, 1)}")),
        "carrier": "''",
        "method": "''",
        "tracking": some(3, 6, "'abnormal'", "'normal'"),
        "destination": "''",
        "after_sales": as_json(
            some(10, 2, """'["local_service"]'""", some(20, 3, """'["parts"]'""", "'[]'"))
        ),
        "fake": f"{pick(100, 1)} = 0",
    }


def _disputes() -> dict[str, str]:
    """One in thirty orders."""
    return {
        "dispute_id": "'d' || n",
        "order_id": "n * 30",
        "reason": "'quality'",
        "opened_at": at(str(epoch(start_of(DAY - timedelta(days=30))))),
        "before_dispatch": f"{pick(2, 0)} = 0",
        "outcome": "''",
    }


def _inquiries(sellers: int) -> dict[str, str]:
    return {
        "seller_id": _owner(sellers),
        "inquiry_id": "'i' || n",
        "buyer_id": f"1 + {pick(2000, 3)}",
        "product_ref": "''",
        "at": at(_seconds(sellers * 6)),
        "keyword": "''",
    }


def _quotes(sellers: int) -> dict[str, str]:
    second = _seconds(sellers * 4)
    return {
        "seller_id": _owner(sellers),
        "rfq_id": "n",
        "buyer_id": f"1 + {pick(2000, 3)}",
        "origin": "'upstream'",
        "status": "'submitted'",
        "unit_price": "12.5",
        "currency": "'USD'",
        "ship_from": "''",
        "sample_offered": "FALSE",
        "message": "'Dear buyer, we have made this product for twelve years.'",
        "products": "'[]'",
        "version": "1",
        "submitted_at": at(second),
        "response_seconds": pick(48 * 3600, 3),
        "links_until": at(f"{second} + 94694400"),
        "replied_at": some(25, 4, at(f"{second} + {pick(10 * 86_400, 6)}")),
        "refunded_at": some(1, 6, at(f"{second} + {pick(20 * 86_400, 0)}")),
    }


def _logins() -> dict[str, str]:
    """Every eighth day or so of the last 40."""
    back = f"({pick(7, 0, 'n / 5')} + 8 * (n % 5))"
    noon = epoch(end_of(NEXT)) - 43_200
    return {
        "seller_id": "(n + 4) / 5",
        "day": days_before(NEXT, back),
        "at": at(f"{noon} - {back} * 86400"),
    }


def _showcases() -> dict[str, str]:
    back = f"((n % 2) * 10 + {pick(9, 0)})"
    return {
        "seller_id": "(n + 1) / 2",
        "day": days_before(DAY, back),
        "slots": "10",
        "used": pick(14, 1, "n / 2"),
    }


def _product_days(sellers: int) -> dict[str, str]:
    return {
        "seller_id": f"n % {sellers} + 1",
        "product_ref": f"'p' || (n % {sellers})",
        "day": days_before(NEXT, f"20 * (n / {sellers}) + {pick(20, 0)}"),
        "exposures": pick(900, 1),
        "clicks": pick(60, 2),
        "inquiries": "0",
    }


def _products(sellers: int) -> dict[str, str]:
    return {
        "product_id": "n",
        "seller_id": _owner(sellers),
        "category_id": f"1 + n % {INDUSTRIES}",
        "valid_from": at(str(epoch(start_of(DAY - timedelta(days=200))))),
        "live": f"{pick(10, 2)} > 0",
        "kind": some(30, 3, "'rts'", "'customization'"),
        "services": "0",
        **{f"countries_{part}": "0" for part in range(4)},
        "value_sig": "0",
        "token_sig": "0",
        "value_ids": "'{}'" if connection.vendor == "postgresql" else "'[]'",
        "token_ids": "'{}'" if connection.vendor == "postgresql" else "'[]'",
        "title_norm": "'a product'",
    }


def _revisions() -> dict[str, str]:
    good, none = """'{"video": "good"}'""", """'{"video": "none"}'"""
    return {
        "product_id": "n",
        "at": at(str(epoch(start_of(DAY - timedelta(days=200))))),
        "content": as_json(some(30, 4, good, none)),
        "by": "''",
        "origin": "'upstream'",
    }


_SERIES = f"((n - 1) / {TOLD})"
_TOLD_AT_ALL = f"{pick(100, 1, _SERIES)} < 60"


def _told_number(sellers: int) -> int:
    return sellers * len(OUTSIDE) * TOLD


def _told() -> dict[str, str]:
    """Each number of a shop six times in a row, the newest on `DAY` for one in ten."""
    series = _SERIES
    metric = " ".join(f"WHEN {place} THEN 'ext.{name}'" for place, name in enumerate(OUTSIDE))
    counts = f"{series} % {len(OUTSIDE)} IN (3, 9, 10)"
    return {
        "seller_id": f"(n - 1) / {TOLD * len(OUTSIDE)} + 1",
        "metric": f"CASE {series} % {len(OUTSIDE)} {metric} END",
        "day": days_before(DAY, f"{pick(10, 0, series)} + 11 * (n % {TOLD})"),
        "value": f"CASE WHEN {counts} THEN {pick(90, 4)} ELSE {some(80, 5, '1', '0')} END",
    }


# --- Packs and programmes -----------------------------------------------------------------------


def _packs() -> None:
    """Write twenty packs besides the shipped ones: half of them with places."""
    for outcome in packs_write(rows=[_pack(n) for n in range(PACKS)]):
        assert not outcome.errors, outcome


def _pack(n: int) -> dict[str, Any]:
    rules = (
        (f"ext.{OUTSIDE[n % len(OUTSIDE)]}", 1),
        ("growth.orders", 1 + n % 3),
        ("portal.login_days_30d", 1 + n % 4),
    )
    return {
        "code": f"bench-{n}",
        "title_en": f"Pack {n}",
        "opens_on": date(2022, 8, 5),
        "closes_on": (DAY, NEXT, date(2022, 9, 9), date(2022, 9, 30))[n % 4],
        "quota": 500 if n % 2 else None,
        "audience": [],
        "tasks": [
            {"key": f"t{place}", "metric": metric, "op": "gte", "value": target}
            for place, (metric, target) in enumerate(rules)
        ],
        "rewards": [
            {"key": "slots", "kind": "showcase_slots", "title_en": "Slots"},
            {"key": "tool", "kind": "tool_coupon", "title_en": "Tool", "choices": ["Car"]},
        ],
    }


def _claims() -> dict[str, str]:
    """Two different packs per shop, of those open on `DAY`."""
    packs = list(
        Pack.objects.filter(opens_on__lte=DAY, closes_on__gte=DAY)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    which = " ".join(f"WHEN {place} THEN {pk}" for place, pk in enumerate(packs))
    seller = f"((n + {CLAIMS - 1}) / {CLAIMS})"
    place = f"({pick(len(packs), 2, seller)} + 7 * (n % {CLAIMS})) % {len(packs)}"
    first = epoch(start_of(date(2022, 8, 6)))
    return {
        "seller_id": seller,
        "pack_id": f"CASE {place} {which} END",
        "claimed_at": at(f"{first} + {pick(20 * 86_400, 3)}"),
        "outcome": "''",
    }


def _enrolments() -> dict[str, str]:
    programmes = list(Programme.objects.order_by("pk").values_list("pk", flat=True))
    which = " ".join(f"WHEN {place} THEN {pk}" for place, pk in enumerate(programmes))
    return {
        "programme_id": f"CASE {pick(len(programmes), 2)} {which} END",
        "seller_id": "2 * n",
        "state": "'active'",
        "route": "''",
        "automatic": "FALSE",
        "applied_at": at(str(epoch(start_of(DAY - timedelta(days=60))))),
        "agreement": "''",
        "answers": "'{}'",
        "since": days_before(DAY, "60"),
        "until": days_before(date(2023, 6, 30), pick(200, 1)),
        "step": "''",
        "voucher": "''",
        "reason_code": "''",
        "reason": "''",
    }
