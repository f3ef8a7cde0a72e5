"""A mature shop with something on every page of growth, and a young one, for tests that walk pages."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from compliance.choices import CertificateType
from growth.choices import ClaimOutcome, RewardKind, RewardStatus
from growth.models import Pack, PackClaim, RewardGrant
from growth.nightly.diagnosis import JOB as DIAGNOSIS
from growth.nightly.rewards import REWARDS
from growth.nightly.stages import STAGES
from growth.services.affiliates import affiliate_save
from growth.services.enrolments import enrolment_leave
from growth.services.upgrade_requests import upgrade_request_make
from growth.stars.metrics import STARS
from portal.choices import Membership
from portal.models import Member, Seller, User
from portal.platform_time import end_of, start_of
from portal.scoping import unscoped
from tests.compliance.world import certificate_create
from tests.growth.diagnosis_world import peers
from tests.growth.guide_world import inquiry
from tests.growth.pack_world import CARD, COUPON, OPENS, POWER, claim_create, pack_create
from tests.growth.programme_world import apply, current, programme_create, shipped
from tests.growth.rights_world import choose, numbers
from tests.growth.star_world import order_create
from tests.growth.world import night, told

DAY = date(2022, 8, 8)
"""The newest as-of day at `NOON`, when task packs are open and enrolment of the month as well."""
NOON = DAY + timedelta(days=2)
CLUB, DISCOUNT, VENUE = "million_dollar_club", "first_order_discount", "spring_venue"
TOOLS = {
    "choices": [{"code": "assistant", "name_en": "Assistant"}, {"code": "car", "name_en": "Car"}]
}
LONG_EN = (
    "Find out what buyers of your industry look for, and show them that you have it, week by week"
)
LONG_ZH = "了解本行业买家的采购偏好，并每周持续展示店铺的商品实力、交易实力与服务保障能力"


def growth_pages_fill(owner: Member, stranger: Member, staff: User) -> dict[str, Any]:
    """Fill the pages of both shops and compute a night; return what pages are opened with.

    `owner` has an old shop with numbers, packs of every state, rewards, programmes, labels and a second
    company; the shop of `stranger` is in its first 30 days and asks to become verified. Keys: `application`
    (of the owner) and `request` (of the stranger) by primary key, `packs` by code.
    """
    shop, young = owner.seller, stranger.seller
    with unscoped():
        Seller.objects.filter(pk=shop.pk).update(opened_on=date(2020, 1, 1), assessed_star=2)
        Seller.objects.filter(pk=young.pk).update(
            opened_on=DAY - timedelta(days=10), membership=Membership.BASIC
        )
    shop.refresh_from_db()
    young.refresh_from_db()
    packs = packs_fill(shop)
    _trade(shop, young)
    night(DAY - timedelta(days=1), STARS, DIAGNOSIS)
    night(DAY, STAGES, STARS, DIAGNOSIS, REWARDS)
    numbers(shop, floor_area=12_000, rd_staff=18, employees=230, patents=4)
    choose(owner, "exhibitions", "drawings")
    company = {"name": "苏州电机制造有限公司", "shares": Decimal("66.6")}
    affiliate_save(actor=staff, seller=shop, values=company)
    request = upgrade_request_make(
        member=stranger, contact="林月", phone="+86 571 8502 2088", wishes=LONG_ZH
    )
    return {
        "application": programmes_fill(owner),
        "request": request.pk,
        "packs": packs,
    }


def packs_fill(shop: Seller) -> list[str]:
    """Make a pack of every state with rewards of every kind; return the codes of those to look into."""
    text = {"title_en": LONG_EN, "title_zh": LONG_ZH}
    rewards = [
        {**COUPON, **TOOLS, "title_zh": "新品推广工具体验券"},
        {"key": "slots", "kind": RewardKind.SHOWCASE_SLOTS.value, "amount": 2},
    ]
    half = pack_create(code="half", tasks=[CARD, POWER], rewards=rewards, **text)
    claim_create(shop, half)
    told(shop, "ext.card", d2022_08_06=1)
    told(shop, "ext.power", d2022_08_06=41)
    done = pack_create(code="done", rewards=rewards, quota=30, **text)
    claim_create(shop, done)
    pack_create(code="free", tasks=[CARD, POWER], rewards=rewards, quota=1200, **text)
    pack_create(code="coming", opens_on=OPENS + timedelta(days=20), **text)
    over = {"opens_on": date(2022, 6, 1), "closes_on": date(2022, 6, 30)}
    for outcome in (ClaimOutcome.REWARDED, ClaimOutcome.FAILED, ClaimOutcome.QUOTA_SPENT):
        pack = pack_create(code=outcome.value, rewards=rewards, quota=30, **over, **text)
        claim = claim_create(shop, pack)
        with unscoped():
            PackClaim.objects.filter(pk=claim.pk).update(outcome=outcome)
    pack_create(code="unclaimed", **over, **text)
    foreign = {"field": "membership", "op": "eq", "value": Membership.BASIC.value}
    pack_create(code="foreign", audience=[foreign], **text)
    for status in RewardStatus:
        reward_create(shop, status)
    return ["half", "done", "free", "rewarded", "failed", "foreign"]


def reward_create(shop: Seller, status: str) -> None:
    """Write a coupon granted to a shop that has got so far."""
    code = f"rewards-{status}"
    pack = pack_create(
        code=code, opens_on=date(2022, 6, 1), closes_on=date(2022, 6, 30),
        rewards=[{**COUPON, **TOOLS, "title_zh": "新品推广工具体验券"}],
    )  # fmt: skip
    used = status == RewardStatus.USED
    with unscoped():
        claim = claim_create(shop, pack)
        PackClaim.objects.filter(pk=claim.pk).update(outcome=ClaimOutcome.REWARDED)
        RewardGrant.objects.create(
            seller=shop, claim=claim, reward=pack.rewards.get(), status=status,
            granted_at=start_of(date(2022, 7, 2)), usable_until=end_of(date(2022, 10, 2)),
            choice="car" if used else "", voucher="ABCD-EFGH-JKLM-NPQR" if used else "",
            used_at=start_of(DAY) if used else None,
            valid_until=end_of(date(2022, 9, 8)) if used else None,
        )  # fmt: skip


def _trade(shop: Seller, young: Seller) -> None:
    """Let both shops trade, and five others of the industry to be compared with."""
    for days in (1, 20, 50):
        order_create(shop, at=start_of(DAY - timedelta(days=days)), amount="1500.50", buyer="again")
    order_create(shop, at=start_of(DAY), paid_at=None)
    for seller, times in ((shop, 3), (young, 4)):
        for _ in range(times):
            inquiry(seller, start_of(DAY - timedelta(days=1)))
    told(young, "ext.potential_products", d2022_08_01=41)
    told(young, "ext.trade_assurance_active", d2022_08_02=1)
    for seller in peers(shop.main_category, "ext.known", [None] * 5):
        told(seller, "ext.potential_products", d2022_08_01=60)
        told(seller, "ext.strong_products", d2022_08_01=8)


def programmes_fill(owner: Member) -> int:
    """Enrol the shop in one programme, leave another, apply for a third; return the application's key."""
    apply(owner, shipped(CLUB))
    apply(owner, shipped(DISCOUNT))
    enrolment_leave(member=owner, programme=shipped(DISCOUNT))
    title = {"en": LONG_EN, "zh": LONG_ZH}
    patent = certificate_create(
        seller=owner.seller, type=CertificateType.PATENT, country="", category="", number="ZL2021-1"
    )
    asks = {
        "agreement": {"en": f"{LONG_EN}. " * 12, "zh": f"{LONG_ZH}。" * 12},
        "questions": [
            {"key": "about", "title": title},
            {"key": "plan", "title": title, "choices": [
                {"key": "a", "title": title}, {"key": "b", "title": {"en": "B", "zh": "乙"}},
            ]},
        ],
        "routes": [{"key": "main", "review": True, "documents": [
            {"key": "proof", "title": title, "help": title, "options": [
                {"key": "patent", "kind": "certificate", "types": ["patent"], "title": title},
                {"key": "paper", "kind": "file", "title": title},
            ]},
        ]}],
        "notes": [title],
        "benefits": [{"text": title}],
        "tables": [{"title": title, "columns": [title, title], "rows": [[title, {"en": "yes", "zh": "yes"}]]}],
    }  # fmt: skip
    programme_create(VENUE, **asks)
    programme = programme_create("applied_for", **asks)
    apply(
        owner, programme, agreement=True, certificates=[patent.pk],
        answers={"about": LONG_ZH, "plan": "a"},
    )  # fmt: skip
    return int(current(owner.seller, "applied_for").pk)


def growth_page_paths(made: dict[str, Any]) -> list[str]:
    """Return every page of growth of the shop that has something on each."""
    programmes = (CLUB, DISCOUNT, VENUE, "applied_for", "find_factory")
    return [
        "/growth/guide/", "/growth/packs/", "/growth/rewards/", "/growth/diagnosis/",
        "/growth/diagnosis/items/", "/growth/star/", "/growth/programmes/", "/growth/rights/",
        "/growth/strength-labels/", "/growth/supplier-card/", "/growth/rights/upgrade/",
        *(f"/growth/packs/{code}/" for code in made["packs"]),
        *(f"/growth/programmes/{code}/" for code in programmes),
        f"/growth/programmes/{CLUB}/leave/",
    ]  # fmt: skip


YOUNG_PAGES = [
    "/", "/growth/guide/", "/growth/diagnosis/", "/growth/star/", "/growth/rights/",
    "/growth/rights/upgrade/",
]  # fmt: skip
"""What a shop in its first 30 days sees differently."""


def growth_admin_paths(made: dict[str, Any]) -> list[str]:
    """Return the pages staff work on; plain lists are alike everywhere."""
    pack = Pack.objects.get(code="half")
    return [
        f"/admin/growth/pack/{pack.pk}/change/",
        "/admin/growth/enrolment/",
        f"/admin/growth/enrolment/{made['application']}/change/",
        f"/admin/growth/upgraderequest/{made['request']}/change/",
        "/admin/growth/affiliatedcompany/add/",
    ]
