"""What calls are aimed at: real ids for every address, and bodies that are taken (API-2)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from compliance.models import Certificate, MarkCase, ServiceRequest, Violation
from compliance.obligations.reading import calendar_of
from growth.choices import RewardStatus
from growth.models import Pack, Programme, RewardGrant, UpgradeRequest
from listings.models import Product, ShippingTemplate, Theme
from portal import platform_time
from portal.choices import DeliveryState, WebhookStatus
from portal.ingest.kinds import all_kinds
from portal.metrics import METRICS
from portal.models import (
    Bulletin,
    Category,
    Member,
    NightRun,
    Order,
    Rulebook,
    StoredFile,
    WebhookDelivery,
    WebhookEndpoint,
)
from portal.scoping import seller_scope, unscoped
from rfq.models import Quote, QuoteTemplate, Rfq, SavedSearch
from tests.api.world import TOUR, World
from tests.compliance.world import upload
from tests.growth.page_world import DAY

Ids = list[dict[str, Any]]
"""Path parameters that belong together, one entry per thing."""


def _of_shop(model: Any, column: str, name: str = "", lookup: str = "seller") -> Callable[..., Ids]:
    """Return a reader of the ids of a shop's rows, newest first."""

    def read(world: World, side: str) -> Ids:
        rows = model._base_manager.filter(**{lookup: world.shops[side]}).order_by("-pk")
        return [{name or column: value} for value in rows.values_list(column, flat=True)[:8]]

    return read


def _common(model: Any, **columns: str) -> Callable[..., Ids]:
    """Return a reader of ids that both shops use: parameter → column."""

    def read(world: World, side: str) -> Ids:
        rows = model._base_manager.order_by("-pk").values_list(*columns.values())[:40]
        return [dict(zip(columns, row, strict=True)) for row in rows]

    return read


def _deliveries(world: World, side: str) -> Ids:
    rows = WebhookDelivery._base_manager.filter(endpoint__seller=world.shops[side])
    return [
        {"uid": one.endpoint.uid, "event": one.event.external_id}
        for one in rows.select_related("endpoint", "event")
    ]


def _rfqs(world: World, side: str) -> Ids:
    first = [f"fresh-{side}", f"pro-{side}", f"quoted-{side}"]
    rest = Rfq.objects.exclude(rfq_id__in=first).values_list("rfq_id", flat=True)[:6]
    return [{"rfq_id": one} for one in [*first, *rest]]


_AIMS: tuple[tuple[str, bool, Callable[..., Ids]], ...] = (
    ("/bulletins/{slug}", False, _common(Bulletin, slug="slug")),
    ("/categories/{code}", False, _common(Category, code="code")),
    ("/compliance/certificates/{id}", True, _of_shop(Certificate, "pk", "id")),
    ("/compliance/marks/{id}", True, _of_shop(MarkCase, "pk", "id", "product__seller")),
    ("/compliance/service-requests/{id}", True, _of_shop(ServiceRequest, "pk", "id")),
    ("/compliance/violations/{id}", True, _of_shop(Violation, "pk", "id")),
    ("/growth/packs/{code}", False, _common(Pack, code="code")),
    ("/growth/programmes/{code}/steps/{step}", False,
     lambda world, side: [{"code": TOUR, "step": "measured"}, {"code": TOUR, "step": "x"}]),
    ("/growth/programmes/{code}", False, _common(Programme, code="code")),
    ("/growth/rewards/{id}", True, _of_shop(RewardGrant, "pk", "id")),
    ("/ingest/{kind}", False, lambda world, side: [{"kind": one.name} for one in all_kinds()]),
    ("/listings/products/{product_id}", True, _of_shop(Product, "product_id")),
    ("/listings/shipping-templates/{id}", True, _of_shop(ShippingTemplate, "pk", "id")),
    ("/listings/themes/{theme_id}", False, _common(Theme, theme_id="theme_id")),
    ("/members/{username}", True, _of_shop(Member, "user__username", "username")),
    ("/nights/{as_of}", False, _common(NightRun, as_of="as_of")),
    ("/orders/{order_id}", True, _of_shop(Order, "order_id")),
    ("/rfq/challenge/{month}", False,
     lambda world, side: [{"month": one} for one in ("2022-08", "2022-07", "2022-12")]),
    ("/rfq/orders/{order_id}", True, _of_shop(Order, "order_id")),
    ("/rfq/quotes/{id}", True, _of_shop(Quote, "pk", "id")),
    ("/rfq/rfqs/{rfq_id}", False, _rfqs),
    ("/rfq/searches/{id}", True, _of_shop(SavedSearch, "pk", "id")),
    ("/rfq/templates/{id}", True, _of_shop(QuoteTemplate, "pk", "id")),
    ("/files/{token}", True, _of_shop(StoredFile, "token")),
    ("/metrics/{key}", False, lambda world, side: [{"key": one} for one in sorted(METRICS)[:5]]),
    ("/webhooks/{uid}/deliveries/{event}", True, _deliveries),
    ("/webhooks/{uid}", True, _of_shop(WebhookEndpoint, "uid")),
    ("/rulebooks/{module}/{version}", False, _common(Rulebook, module="module", version="version")),
)  # fmt: skip
"""Beginning of an address, whether its ids belong to one shop, and their reader."""


class Aims:
    """The ids of a world by address, read once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._read: dict[tuple[str, str], Ids] = {}

    def own(self, path: str, side: str) -> Ids:
        """Return path parameters a shop may use; none where the address has no parameters."""
        found = self._aim(path)
        return self._ids(*found, side) if found else []

    def foreign(self, path: str, side: str) -> Ids:
        """Return path parameters of the other shop's rows that are none of the shop's own."""
        found = self._aim(path)
        if not found or not found[1]:
            return []
        own = self._ids(*found, side)
        return [one for one in self._ids(*found, self.world.other(side)) if one not in own]

    def _aim(self, path: str) -> tuple[str, bool, Callable[..., Ids]] | None:
        if "{" not in path:
            return None
        below = path.removeprefix("/api/v1")
        for beginning, owned, read in _AIMS:
            if below.startswith(beginning):
                return beginning, owned, read
        raise AssertionError(f"{path} needs ids in tests/api/aims.py")

    def _ids(self, beginning: str, owned: bool, read: Callable[..., Ids], side: str) -> Ids:
        key = (beginning, side)
        if key not in self._read:
            with unscoped():
                self._read[key] = [
                    {
                        name: value if isinstance(value, int) else str(value)
                        for name, value in one.items()
                    }
                    for one in read(self.world, side)
                ]
        return self._read[key]


# --- Bodies -------------------------------------------------------------------------------------

CERTIFICATE = {
    "type": "epr", "entity_name": "Works Ltd", "company_name": "Works Ltd", "country": "FR",
    "category": "packaging", "number": "FR218376_01WIOY", "issued_on": "2022-05-01", "own": True,
    "declaration": True,
}  # fmt: skip
PRODUCT = {"category": "e-bike-kits", "title": "48V e-bike conversion kit", "kind": "rts"}


def body_of(operation: str, world: World, side: str) -> Any:
    """Return a body that the operation takes in this world, or None when it takes none."""
    made, side = BODIES.get(operation), side or "A"
    with unscoped():
        return made(world, side) if callable(made) else json.loads(json.dumps(made))


def _first(model: Any, column: str, lookup: str = "seller", **where: Any) -> Callable[..., Any]:
    def read(world: World, side: str) -> Any:
        rows = model._base_manager.filter(**{lookup: world.shops[side]}, **where).order_by("pk")
        return rows.values_list(column, flat=True)[0]

    return read


def _pdf() -> bytes:
    return upload("certificate.pdf").read()


def _png() -> bytes:
    return upload("evidence.png").read()


_product = _first(Product, "product_id")


def _tick(world: World, side: str) -> Any:
    with seller_scope(world.shops[side]):
        one = calendar_of(platform_time.now()).obligations[0]
    return {
        "certificate": one.registration.certificate.pk, "due_on": str(one.due.due_on), "done": False
    }  # fmt: skip


BODIES: dict[str, Any] = {
    "bulletins_questions_create": {"text": "Until when?"},
    "compliance_certificates_create": lambda world, side: CERTIFICATE | {"files": [_pdf()]},
    "compliance_certificates_update": lambda world, side: CERTIFICATE | {"files": [_pdf()]},
    "compliance_marks_answer_create": {"statement": "It is a common word."},
    "compliance_obligations_tick_create": _tick,
    "compliance_service_requests_create": {"offer": "de-electrical", "note": "Please call."},
    "compliance_traits_categories_create": {"answers": {"e-bike-kits": ["packaging", "battery"]}},
    "compliance_traits_products_create": lambda world, side: {
        "answers": {_product(world, side): ["packaging"]}
    },
    "compliance_violations_appeal_create": {"reason": "other", "text": "We did not do it."},
    "growth_programmes_enrol_create": {},
    "growth_programmes_renewal_create": {"note": "Again, please."},
    "growth_rewards_choose_create": {"choice": "car"},
    "growth_strength_labels_update": {"labels": ["exhibitions", "drawings"]},
    "growth_upgrade_request_create": {"contact": "Lin", "phone": "+86 571 1", "wishes": ""},
    "ingest_create": {"rows": [], "strict": False},
    "listings_check_create": lambda world, side: {
        "theme_id": Theme.objects.latest("pk").theme_id, "product_id": _product(world, side)
    },
    "listings_products_create": PRODUCT,
    "listings_products_partial_update": {"title": "Another 48V e-bike conversion kit"},
    "listings_products_bulk_create": lambda world, side: {
        "product_ids": [_product(world, side)], "change": {"countries_add": ["DE"]}
    },
    "listings_shipping_templates_create": {
        "name": "Air", "lines": [{"code": "express", "countries": ["DE"], "guaranteed": True}]
    },
    "listings_shipping_templates_update": {"name": "Air", "lines": [{"code": "sea", "countries": ["DE"]}]},
    "me_update": {"language": "zh-hans"},
    "members_invite": {"username": "new", "email": "new@example.com", "role": "viewer"},
    "members_change_role": {"role": "viewer"},
    "nights_create": {"as_of": str(DAY), "reason": "Asked for."},
    "notice_preferences_update": {"email": {"theme_ending": False}},
    "notices_read": {},
    "rfq_orders_link_create": lambda world, side: {
        "quote": _first(Quote, "pk", rfq__rfq_id=f"linked-{side}")(world, side)
    },
    "rfq_quotes_partial_update": {"unit_price": "13.5"},
    "rfq_quotes_follow_ups_create": {"done": True},
    "rfq_rfqs_draft_update": {"unit_price": "12", "message": "We make them."},
    "rfq_rfqs_offers_create": {"title": "Kits", "price": "12.50", "message": "We make them."},
    "rfq_rfqs_quotes_create": {"unit_price": "12.5", "moq": 10, "message": "We make them."},
    "rfq_rfqs_spam_reports_create": lambda world, side: {
        "kind": "advert", "description": "An advertisement.", "evidence": [_png()]
    },
    "rfq_score_simulate_create": {"login_days": 20, "gmv": "1000"},
    "rfq_searches_create": {"name": "Mine", "query": "q=kit"},
    "rfq_searches_partial_update": {"name": "Renamed"},
    "rfq_self_check_create": lambda world, side: {"rfq_id": f"fresh-{side}", "message": "Hello."},
    "rfq_templates_create": {"name": "New", "content": {"message": "We make them."}},
    "rfq_templates_update": {"name": "New", "content": {"message": "We make them."}},
    "webhooks_create": {
        "url": "https://93.184.216.9/hook", "events": ["quote.replied"], "description": "Ours"
    },
    "webhooks_change": {"description": "Theirs"},
    "webhooks_replay": {"since": "2022-08-01T00:00:00-07:00"},
    "trade_gate_create": lambda world, side: {"pairs": [[_product(world, side), "DE"]]},
}  # fmt: skip
"""Operation → a body it takes, or what makes one; bytes are files and make it multipart."""


def prepare(operation: str, world: World, side: str) -> None:
    """Make the shop ready for an operation that needs a state of its own, in its transaction."""
    if not side:
        return
    shop = world.shops[side]
    if operation == "growth_upgrade_request_create":
        UpgradeRequest._base_manager.filter(seller=shop).delete()
    elif operation == "growth_rewards_use_create":
        rewards = RewardGrant._base_manager.filter(seller=shop, status=RewardStatus.GRANTED)
        rewards.update(choice="car")
    elif operation == "webhooks_resume":
        WebhookEndpoint._base_manager.filter(seller=shop).update(status=WebhookStatus.PAUSED)
    elif operation == "webhook_deliveries_replay":
        sent = WebhookDelivery._base_manager.filter(endpoint__seller=shop)
        now = platform_time.now()
        sent.update(state=DeliveryState.DELIVERED, due_at=None, delivered_at=now)


VIEWER_MAY = {
    "bulletins_read", "listings_check_create", "me_update", "notice_preferences_update",
    "notices_read", "rfq_score_simulate_create", "rfq_searches_create",
    "rfq_searches_destroy", "rfq_searches_partial_update", "rfq_self_check_create",
}  # fmt: skip
"""What a viewer changes is the viewer's own, or is not kept."""
UNREACHED: dict[str, dict[str, str]] = {
    "owner": {
        "growth_upgrade_request_create": "the shop is verified already",
        "growth_upgrade_request_retrieve": "it has never asked",
        "growth_upgrade_request_cancel_create": "it has never asked",
    },
    "stranger": {"growth_strength_labels_update": "labels are for verified sellers"},
}
"""Person → operation of shops that answers no 2xx, and why."""
