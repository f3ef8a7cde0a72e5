"""Two full shops: what calls are aimed at, and what of one shop must never reach the other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta

from django.apps import apps
from django.db import models
from knox.models import AuthToken

from compliance.models import GateBlock, GatedProduct, ServiceRequest
from compliance.services.certificates import certificate_save
from compliance.services.obligations import feed_create
from growth.models import Pack, Programme, RewardGrant, StrengthLabel
from listings.models import Product, ShippingTemplate
from portal import platform_time
from portal.choices import AttributeType, Role
from portal.models import Inquiry, Member, Order, Rulebook, Seller, User
from portal.scoping import seller_scope, unscoped
from portal.services.bulletins import bulletin_ask
from portal.services.webhook_events import webhook_test
from rfq.choices import Grade
from rfq.models import ChallengeEntry, QuoteTemplate, Rfq, SavedSearch, SpamReport
from rfq.services.quote_drafts import draft_save
from tests import factories
from tests.compliance.world import certificate_create, given, submitted, upload
from tests.growth.pack_world import claim_create
from tests.growth.page_world import DAY
from tests.growth.programme_world import apply, programme_create
from tests.growth.rights_world import affiliate_create
from tests.portal.full_shop import everything, full_shop_fill
from tests.portal.page_rows import bulletin_create, buyer_create
from tests.portal.webhook_world import endpoint_create
from tests.rfq.world import buyer_create as rfq_buyer
from tests.rfq.world import file_create, lot_create, quote_create, rfq_create
from tests.rfq.world import order_create as rfq_order_create

CANARY = {"A": "Kanarie-Anton", "B": "Kanarie-Berta"}
"""What every free text of a shop says: of the other's it must not occur in an answer."""
OPEN, TOUR = "open", "tour"
"""Programmes everybody can enrol in at any time, and one with a step that the shop does."""


@dataclass
class Person:
    """Who calls, for which of the two shops; staff for none."""

    name: str
    user: User
    side: str = ""
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.token = AuthToken.objects.create(user=self.user)[1]

    @property
    def headers(self) -> dict[str, str]:
        """What makes a call this person's."""
        return {"Authorization": f"Token {self.token}"}


@dataclass
class World:
    """The shops by side, who calls for them, and what identifies their rows."""

    shops: dict[str, Seller]
    people: dict[str, Person]

    def other(self, side: str) -> str:
        """Return the side across."""
        return "B" if side == "A" else "A"

    def secrets(self, side: str) -> set[str]:
        """Return the texts that no one but the shop may read: its free texts and external ids."""
        found = {CANARY[side]}
        named = ((Product, "product_id"), (Order, "order_id"), (Inquiry, "inquiry_id"))
        for model, name in named:
            rows = model._base_manager.filter(seller=self.shops[side])
            found |= {one for one in rows.values_list(name, flat=True) if len(one) > 3}
        return found

    def fingerprint(self, side: str) -> dict[str, str]:
        """Return table → digest of the shop's rows, those hanging on them included."""
        return {
            model._meta.label: _digest(model, lookup, self.shops[side])
            for model, lookup in OWNED.items()
        }


# --- What a shop owns ---------------------------------------------------------------------------


def _owned() -> dict[type[models.Model], str]:
    """Return model → lookup of the shop its rows belong to, over one or two foreign keys."""
    kinds = [model for model in apps.get_models() if model._meta.app_label in APPS]
    found: dict[type[models.Model], str] = {Seller: "pk"}
    for _distance in range(3):
        for model in kinds:
            if model in found:
                continue
            for one in model._meta.concrete_fields:
                above = one.related_model
                if above in found and isinstance(one, models.ForeignKey):
                    if above is not Seller and one.remote_field.on_delete is not models.CASCADE:
                        continue
                    rest = "" if above is Seller else f"__{found[above]}"
                    found[model] = f"{one.name}{rest}"
                    break
    return found


APPS = {"portal", "listings", "rfq", "compliance", "growth"}
OWNED = _owned()


def _digest(model: type[models.Model], lookup: str, seller: Seller) -> str:
    rows = model._base_manager.filter(**{lookup: seller.pk}).order_by("pk").values_list()
    return hashlib.sha256(repr(list(rows)).encode()).hexdigest()


# --- Canaries -----------------------------------------------------------------------------------

SPOKEN = {
    "name", "name_en", "name_zh", "title", "title_en", "title_zh", "text", "answer", "message",
    "description", "note", "evidence", "contact", "wishes", "carrier", "keyword", "company_name",
    "entity_name", "scope_en", "scope_zh", "ship_from", "brand", "excerpt", "province", "city",
    "staff_note", "overturned_note", "judgement", "reason",
}  # fmt: skip
"""Columns that hold free text of people; others are codes the portal reads itself."""


def canaries_put(shop: Seller, canary: str) -> int:
    """Begin every free text of a shop with its canary; return how many columns have one."""
    marked = 0
    for model, lookup in OWNED.items():
        texts = [
            one
            for one in model._meta.concrete_fields
            if one.name in SPOKEN
            and isinstance(one, (models.CharField, models.TextField))
            and not one.choices
        ]
        for row in model._base_manager.filter(**{lookup: shop.pk}) if texts else ():
            changed = {}
            for one in texts:
                if getattr(row, one.name):
                    said = f"{canary} {getattr(row, one.name)}"
                    changed[one.name] = said[: one.max_length] if one.max_length else said
            model._base_manager.filter(pk=row.pk).update(**changed) if changed else None
            marked += len(changed)
    return marked


# --- Filling ------------------------------------------------------------------------------------


ATTRIBUTES = {
    "voltage": (AttributeType.SELECT, ["36V", "48V", "52V"]),
    "features": (AttributeType.MULTI, ["Waterproof", "Foldable", "Quiet"]),
    "material": (AttributeType.TEXT, []),
    "power_w": (AttributeType.NUMBER, []),
}


def world_fill() -> World:
    """Make two shops with one of each thing, and who calls for them; the time is `page_world.NOON`."""
    tree = factories.tree_create()
    kits = tree["e-bike-kits"]
    factories.attributes_create(tree["e-bike-parts"], ATTRIBUTES)
    shop = factories.seller_create(kits, member_id="cn1001", name_en="Suzhou E-Bike Kits Ltd")
    other = factories.seller_create(kits, member_id="cn2002", name_en="Ningbo Wheels Ltd")
    owner = factories.member_create(shop, Role.OWNER, "owner")
    viewer = factories.member_create(shop, Role.VIEWER, "viewer")
    factories.member_create(shop, Role.SALESPERSON, "colleague")
    stranger = factories.member_create(other, Role.OWNER, "stranger")
    factories.member_create(other, Role.SALESPERSON, "strange-colleague")
    staff = factories.user_create("staff", is_staff=True, is_superuser=True)
    full_shop_fill(owner, stranger, staff)
    everything(stranger, 2)
    programme_create(OPEN)
    names = {
        "asked": {"en": "Asked", "zh": "已申请"},
        "measured": {"en": "Measured", "zh": "已测量"},
    }
    steps = [{"key": key, "title": title, "who": "shop"} for key, title in names.items()]
    renewable = {"months_before": 3, "months": 12, "answer_working_days": 5}
    programme_create(TOUR, steps=steps, term={"months": 1}, renewal=renewable)
    Rulebook.objects.filter(module="compliance.services").update(effective_from=DAY)
    for side, member in (("A", owner), ("B", stranger)):
        _more(member, side)
    lot_create(seller=stranger.seller, kind="pin")
    lot_create(seller=owner.seller, kind="pin")
    _growth_of_the_young(stranger)
    with unscoped():
        SavedSearch.objects.create(
            seller=shop,
            user=viewer.user,
            name="Mine",
            query="q=kit",
            seen_until=platform_time.now(),
        )
    for member in (owner, stranger):
        apply(member, Programme.objects.get(code=TOUR))
    people = (
        Person("owner", owner.user, "A"),
        Person("stranger", stranger.user, "B"),
        Person("viewer", viewer.user, "A"),
        Person("service", staff),
    )
    world = World({"A": shop, "B": other}, {one.name: one for one in people})
    with unscoped():
        for side, shop in world.shops.items():
            shop.refresh_from_db()
            canaries_put(shop, CANARY[side])
            shop.refresh_from_db()
    return world


def _growth_of_the_young(owner: Member) -> None:
    """Let the second shop have a pack, a reward, a programme and labels, too."""
    shop, now = owner.seller, platform_time.now()
    claim_create(shop, Pack.objects.get(code="half"))
    apply(owner, Programme.objects.get(code=OPEN))
    with unscoped():
        pack = Pack.objects.get(code="done")
        RewardGrant.objects.create(
            seller=shop, claim=claim_create(shop, pack), reward=pack.rewards.earliest("pk"),
            granted_at=now, usable_until=now + timedelta(days=60),
        )  # fmt: skip
        StrengthLabel.objects.create(seller=shop, place=1, label="exhibitions", chosen_at=now)


def _more(owner: Member, side: str) -> None:
    """Add what the pages of the full shop do without and calls can be about."""
    shop, now = owner.seller, platform_time.now()
    rfq_create(rfq_id=f"fresh-{side}")
    rfq_create(rfq_id=f"pro-{side}", grade=Grade.PRO)
    quoted = quote_create(seller=shop, rfq=rfq_create(rfq_id=f"quoted-{side}"))
    certificate_save(
        member=owner, files=[upload()],
        fields=given(category="electrical", number=f"DE8765432{ord(side) % 10}"),
    )  # fmt: skip
    certificate_create(
        seller=shop,
        category="packaging",
        issued_on=now - timedelta(days=400),
        valid_from=now - timedelta(days=390),
        number=f"DE27555530720{ord(side)}",
    )
    with seller_scope(shop):
        draft_save(member=owner, rfq=Rfq.objects.get(rfq_id=f"fresh-{side}"), content={"moq": "5"})
    lately = now - timedelta(days=20)
    buyer = rfq_buyer(tier="L2")
    linked = rfq_create(rfq_id=f"linked-{side}", buyer=buyer, posted_at=lately)
    quote_create(seller=shop, rfq=linked, submitted_at=lately + timedelta(hours=1))
    rfq_order_create(
        seller=shop, buyer=buyer, order_id=f"bought-{side}", amount=30_000,
        created_at=now - timedelta(days=3), paid_at=now - timedelta(days=2),
    )  # fmt: skip
    endpoint = endpoint_create(shop, f"https://93.184.216.{ord(side)}/hook")
    with seller_scope(shop):
        webhook_test(member=owner, endpoint=endpoint)
    submitted(owner, country="FR", number=f"FR0024{ord(side)}_01F8EN")
    news = bulletin_create(f"talk-{side}", questions_until=now + timedelta(days=1))
    bulletin_ask(member=owner, bulletin=news, text="How?")
    if side == "B":
        affiliate_create(shop, name="Works")
    feed_create(member=owner)
    with unscoped():
        ChallengeEntry.objects.get_or_create(
            seller=shop, month=DAY.replace(day=1), defaults={"enrolled_at": now}
        )
        ServiceRequest.objects.create(
            seller=shop, offer="de-battery", title_en="Batteries", title_zh="电池", price_cny=900,
            note="Soon", asked_at=now,
        )  # fmt: skip
        ShippingTemplate.objects.create(seller=shop, name=f"Sea {side}")
        QuoteTemplate.objects.create(
            seller=shop, name="Ours", content={"message": CANARY[side]}, changed_at=now
        )
        SavedSearch.objects.create(
            seller=shop, user=owner.user, name="Kits", query="q=kit", seen_until=now
        )
        SpamReport.objects.create(
            rfq=quoted.rfq, seller=shop, kind="advert", description="x", reported_at=now,
            answer_due_at=now,
        )  # fmt: skip
        asking = buyer_create(9000 + ord(side))
        Inquiry.objects.create(
            inquiry_id=f"asked-{side}", seller=shop, buyer=asking, at=now, keyword="kit"
        )
        product = GatedProduct.objects.filter(seller=shop).earliest("pk")
        GateBlock.objects.create(
            product_id=product.product_id, seller=shop, country="DE", day=now.date(),
            reasons=[], reasons_key="", first_at=now, last_at=now,
        )  # fmt: skip
        file_create(seller=shop)
