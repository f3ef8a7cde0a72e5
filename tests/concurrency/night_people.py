"""What people and staff did in the world of `night_facts`, so that every nightly job finds something to do.

What waits for the night is made twice or more where it can be: for shops in different shards.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import Group

from compliance.choices import CertificateStatus
from compliance.epr.schema import EPR
from compliance.models import Violation
from compliance.nightly.reminders import REGISTER_STAGES
from compliance.obligations.dues import ONE_WEEK
from compliance.services.violations import violation_confirm
from growth.choices import ClaimOutcome, EnrolmentState, RewardStatus
from growth.models import Enrolment, Pack, PackClaim, PackReward, RewardGrant
from growth.stars.schema import STAR as STAR_RULES
from portal import platform_time
from portal.ingest.engine import ingest_rows
from portal.ingest.kinds import kind_named
from portal.models import Rulebook, Seller, SellerFlag, User
from portal.platform_time import end_of, start_of
from portal.services.rulebooks import content_digest
from rfq.models import Quote, RightLot
from rfq.services.follow_ups import follow_ups_after_submit
from tests import factories
from tests.compliance.world import certificate_create
from tests.concurrency.night_facts import HOUR, ONE_DAY, Rows, World
from tests.growth.programme_world import programme_create

CARD = {"key": "card", "metric": "ext.card", "op": "gte", "value": 1}
LOGINS = {"key": "logins", "metric": "portal.login_days_30d", "op": "gte", "value": 1}
STAR = {"key": "star", "metric": "growth.predicted_star", "op": "gte", "value": 0}
COUPON = {"kind": "tool_coupon", "title_en": "Coupon", "choices": ["A", "B"]}
SLOTS = {"kind": "showcase_slots", "title_en": "Showcase"}
VERIFIED = {"field": "membership", "op": "eq", "value": "verified"}


def feed(rows: Rows) -> None:
    """Ingest rows kind by kind; every one has to be taken."""
    for name, each in rows.items():
        kind = kind_named(name)
        assert kind is not None, name
        report = ingest_rows(kind, each)
        assert report.ok, (report.summary(), report.error, report.rejections[:3])


def shops_of(world: World) -> list[Seller]:
    """Return the shops that are not closed, in the order of their member ids."""
    return list(Seller.objects.exclude(status="closed").order_by("member_id"))


# --- Before the night before --------------------------------------------------------------------


def prepare(world: World) -> None:
    """Staff, packs and the claims on them, memberships and a penalty: what is older than the last nights."""
    for username, group in (("staff", ""), ("operator", "operator"), ("reviewer", "reviewer")):
        user = factories.user_create(username, is_staff=True, is_superuser=not group)
        user.groups.set(Group.objects.filter(name=group))
    shops = shops_of(world)
    _easy_stars()
    _interruption_near(world)
    _packs(world)
    _claims(world, shops)
    _memberships(world, shops)
    for shop in shops[:3]:
        violation_confirm(
            actor=User.objects.get(username="staff"), seller=shop, rule="off_platform_contact",
            evidence="A chat.", key=f"night:{shop.member_id}",
        )  # fmt: skip
    assert Violation.objects.count() == len(shops[:3])


def _easy_stars() -> None:
    """Let shops with a handful of products reach stars."""
    for book in Rulebook.objects.filter(module=STAR_RULES):
        content = {**book.content, "thresholds": [5, 8, 11, 14, 17]}
        Rulebook.objects.filter(pk=book.pk).update(content=content, digest=content_digest(content))


def _interruption_near(world: World) -> None:
    """Let shops that sell electrical goods to Germany have two weeks left to register, from tonight on."""
    stops = world.day + 2 * ONE_DAY + REGISTER_STAGES[1] * ONE_DAY
    for book in Rulebook.objects.filter(module=EPR):
        content = json.loads(json.dumps(book.content))
        for row in content["requirements"]:
            if (row["country"], row["category"]) == ("DE", "electrical"):
                row["interrupts_on"] = (stops + row["weeks"][1] * ONE_WEEK).isoformat()
                # Trade cannot stop for a law that is not in force: early worlds have it earlier.
                row["law_from"] = min(row["law_from"], row["interrupts_on"])
        Rulebook.objects.filter(pk=book.pk).update(content=content, digest=content_digest(content))


def _packs(world: World) -> None:
    day, today = world.day, world.day + 2 * ONE_DAY
    listed = {"frozen_on": today, "audience": json.dumps([VERIFIED])}
    spans: dict[str, tuple[date, date, dict[str, Any]]] = {
        "night-settles": (day - 20 * ONE_DAY, day, {"quota": "3"}),
        "night-settles-too": (day - 20 * ONE_DAY, day, {}),
        "night-lists": (today, today + 20 * ONE_DAY, listed),
        "night-warns-a-week": (day - 20 * ONE_DAY, today + 7 * ONE_DAY, {}),
        "night-warns-a-day": (day - 20 * ONE_DAY, today + ONE_DAY, {}),
        "night-long-over": (day - 80 * ONE_DAY, day - 60 * ONE_DAY, {}),
    }
    tasks = {"night-settles-too": [STAR], "night-warns-a-week": [CARD, STAR]}
    feed(
        {
            "packs": [
                {
                    "code": code, "title_en": code.replace("-", " "), "opens_on": opens.isoformat(),
                    "closes_on": closes.isoformat(),
                    "tasks": json.dumps(tasks.get(code, [CARD, LOGINS])),
                    "rewards": json.dumps([COUPON, SLOTS]),
                    **{name: str(value) for name, value in more.items()},
                }
                for code, (opens, closes, more) in spans.items()
            ]
        }
    )  # fmt: skip


def _claims(world: World, shops: list[Seller]) -> None:
    at = start_of(world.day - 10 * ONE_DAY)
    for code in ("night-settles", "night-settles-too", "night-warns-a-week", "night-warns-a-day"):
        pack = Pack.objects.get(code=code)
        PackClaim.objects.bulk_create(
            # Some at one instant: then the order of claims decides about places.
            PackClaim(pack=pack, seller=shop, claimed_at=at + number // 3 * HOUR)
            for number, shop in enumerate(shops[:14])
        )
    _rewards_of_old(world, shops)


def _rewards_of_old(world: World, shops: list[Seller]) -> None:
    """Rewards of a pack long settled: some lapse tonight, some tell that they soon will."""
    today = world.day + 2 * ONE_DAY
    pack = Pack.objects.get(code="night-long-over")
    Pack.objects.filter(pk=pack.pk).update(settled_at=end_of(pack.closes_on))
    coupon = PackReward.objects.get(pack=pack, kind="tool_coupon")
    ends = (start_of(today), end_of(today + 7 * ONE_DAY), end_of(today + ONE_DAY))
    for number, shop in enumerate(shops[:9]):
        claim = PackClaim.objects.create(
            pack=pack, seller=shop, claimed_at=start_of(pack.opens_on),
            outcome=ClaimOutcome.REWARDED, complete_since=pack.opens_on,
        )  # fmt: skip
        RewardGrant.objects.create(
            claim=claim, reward=coupon, seller=shop, status=RewardStatus.GRANTED,
            granted_at=end_of(pack.closes_on), usable_until=ends[number % 3],
        )  # fmt: skip


def _memberships(world: World, shops: list[Seller]) -> None:
    """Memberships that end tonight, take others with them, missed a step, or end in a week."""
    yesterday = world.day + ONE_DAY
    base = programme_create("night_term", flag="night_flag")
    follower = programme_create(
        "night_follower", audience=[{"field": "enrolled_in", "op": "eq", "value": base.code}]
    )
    stepped = programme_create(
        "night_steps",
        steps=[
            {"key": "enrolled", "title": {"en": "Enrolled"}, "who": "shop"},
            {"key": "shot", "title": {"en": "Shot"}, "who": "shop", "days": 9, "ends": True},
        ],
    )
    ending = programme_create("night_ending")
    long_ago = start_of(world.day - 60 * ONE_DAY)
    for shop in shops[:8]:
        _enrol(base, shop, long_ago, until=yesterday)
        SellerFlag.objects.create(seller=shop, code="night_flag", since=yesterday - 60 * ONE_DAY)
        _enrol(follower, shop, long_ago)
        missed = start_of(world.day - 8 * ONE_DAY) + 12 * HOUR
        _enrol(stepped, shop, missed, step="enrolled", step_at=missed)
        _enrol(ending, shop, long_ago, until=world.day + 9 * ONE_DAY)


def _enrol(programme: Any, shop: Seller, at: datetime, **fields: Any) -> Enrolment:
    return Enrolment.objects.create(
        programme=programme, seller=shop, state=EnrolmentState.ACTIVE, applied_at=at,
        since=platform_time.day_of(at), **fields,
    )  # fmt: skip


# --- The day before the night -------------------------------------------------------------------


def act(world: World) -> None:
    """What happened since the night before: certificates, rights, follow-ups, products, a programme."""
    shops = shops_of(world)
    _certificates(world, shops)
    _rights(world, shops)
    follow_ups_after_submit(Quote.objects.filter(seller__in=shops[:10]).order_by("pk")[:40])
    changed = start_of(world.day) + 5 * HOUR
    feed(
        {
            "products": [
                {
                    "product_id": f"{shop.member_id}-p0", "seller": shop.member_id,
                    "category": "e-bike-kits", "title": "48V e-bike kit, second edition",
                    "kind": "rts", "status": "live", "attributes": json.dumps({"voltage": "48V"}),
                    "changed_at": changed.isoformat(),
                }
                for shop in shops[:12]
            ]
        }
    )  # fmt: skip
    # By what never comes late: who was enrolled stays so, whatever is computed again.
    automatic = programme_create(
        "night_automatic",
        routes=[
            {
                "key": "auto", "automatic": True,
                "audience": [{"metric": "listings.rts_products", "op": "gte", "value": 2}],
            }
        ],
    )  # fmt: skip
    impossible = programme_create(
        "night_unfit",
        routes=[
            {
                "key": "auto", "automatic": True,
                "audience": [{"metric": "listings.rts_products", "op": "gte", "value": 40}],
            }
        ],
    )  # fmt: skip
    for shop in shops[:4]:
        _enrol(impossible, shop, start_of(world.day - 9 * ONE_DAY), route="auto", automatic=True)
    assert not Enrolment.objects.filter(programme=automatic).exists()


def _certificates(world: World, shops: list[Seller]) -> None:
    today = world.day + 2 * ONE_DAY
    verified_on = start_of(world.day - 30 * ONE_DAY)
    for number, shop in enumerate(shops[:18]):
        fields: dict[str, Any] = {
            "number": f"DE{number:013d}", "valid_from": verified_on, "decided_at": verified_on,
            "created_at": verified_on - ONE_DAY, "declared_at": verified_on - ONE_DAY,
            "submitted_at": verified_on - HOUR, "changed_at": verified_on,
            "issued_on": world.day - 40 * ONE_DAY,
        }  # fmt: skip
        if number % 6 == 0:
            last = today + 20 * ONE_DAY
            fields |= {"expires_on": last, "valid_until": end_of(last)}
        elif number % 6 == 1:
            last = today - ONE_DAY
            fields |= {"expires_on": last, "valid_until": end_of(last)}
        elif number % 6 == 2:
            fields = {
                **fields, "status": CertificateStatus.SUBMITTED, "due_at": start_of(today),
                "valid_from": None, "decided_at": None,
            }  # fmt: skip
        elif number % 6 == 3:
            fields |= {"category": "electrical"}  # declared by the 15th of each month
        elif number % 6 == 4:
            fields |= {"country": "FR", "number": f"FR{number:06d}_01ABCD"}
        certificate_create(seller=shop, **fields)


def _rights(world: World, shops: list[Seller]) -> None:
    today = world.day + 2 * ONE_DAY
    feed(
        {
            "grants": [
                {
                    "key": f"night-{kind}-{shop.member_id}-{days}", "seller": shop.member_id,
                    "kind": kind, "amount": str(3 + days), "source": "activity",
                    "granted_at": start_of(world.day - 5 * ONE_DAY).isoformat(),
                    "expires_at": end_of(today + days * ONE_DAY).isoformat(),
                }
                for shop in shops[:8]
                for kind in ("quote", "pin")
                for days in (1, 7)
            ]
        }
    )  # fmt: skip
    wrong = RightLot.objects.filter(key__contains="night-").order_by("key").first()
    assert wrong is not None
    assert wrong.left
    RightLot.objects.filter(pk=wrong.pk).update(left=wrong.left - 1)
