"""The way to every page of the house.

`WAYS` says how a page with a parameter is reached, and by whom if not by the owner; what needs no parameter is
visited without being named. `NOT_PAGES` names what answers GET without being a page. An address in neither
fails `test_every_page`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.tokens import default_token_generator
from django.db.models import Model
from django.test import RequestFactory
from django.urls import get_resolver, reverse
from django.utils.http import int_to_base36

from portal.models import User
from portal.scoping import unscoped
from tests.api.world import TOUR
from tests.browser.house import SCORE, House
from tests.portal.access_walk import methods_of, patterns_of

GENERIC = ("changelist", "add", "change", "delete", "history")
"""Pages of the administration that every model has."""

Keys = Callable[[House], dict[str, Any]]


@dataclass(frozen=True)
class Way:
    """How a page is reached: by whom, with which keys in its address."""

    keys: Keys = lambda _house: {}
    who: str = ""
    query: str = ""
    status: int = 200


def of(label: str, field: str = "pk", key: str = "", **where: Any) -> Keys:
    """Take a key from the first row of a model, of the owner's shop when it belongs to shops."""

    def keys(house: House) -> dict[str, Any]:
        model = apps.get_model(label)
        found = dict(where)
        if "seller" in {one.name for one in model._meta.fields}:
            found = {"seller__member_id": house.shop.member_id, **found}
        with unscoped():
            row = model._base_manager.filter(**found).order_by("pk").first()
        assert row is not None, f"the house has no {label} with {found}"
        value: Any = row
        for name in field.split("__"):
            value = getattr(value, name)
        return {key or field: value}

    return keys


def given(**keys: Any) -> Keys:
    """Take keys as they are."""
    return lambda _house: keys


def both(*parts: Keys) -> Keys:
    """Take the keys of several ways."""
    return lambda house: {name: value for part in parts for name, value in part(house).items()}


def _reset_key(house: House) -> dict[str, Any]:
    user = house.people["newcomer"]
    return {"uidb36": int_to_base36(user.pk), "key": default_token_generator.make_token(user)}


QUOTE = of("rfq.Quote", status="submitted", pins=None)
CERTIFICATE, VIOLATION = of("compliance.Certificate"), of("compliance.Violation")
PRODUCT, OPEN_RFQ = of("listings.Product", "product_id"), given(rfq_id="fresh-A")
ENDPOINT = of("portal.WebhookEndpoint", "uid")
DELIVERY = of("portal.WebhookDelivery", "event__external_id", "event")
REWARD = of("growth.RewardGrant", status="granted")
NIGHT = of("portal.NightRun", key="run_id")
TOUR_PROGRAMME = given(code=TOUR)

WAYS: dict[str, Way] = {
    # Sign-in and account
    "account_login": Way(who="anonymous"),
    "account_signup": Way(who="anonymous"),
    "account_inactive": Way(who="anonymous"),
    "account_reset_password": Way(who="anonymous"),
    "account_reset_password_done": Way(who="anonymous"),
    "account_reset_password_from_key": Way(_reset_key, "anonymous"),
    "account_reset_password_from_key_done": Way(who="anonymous"),
    "account_email_verification_sent": Way(who="anonymous"),
    "account_confirm_email": Way(given(key="old-key"), "anonymous"),
    "account_set_password": Way(who="passwordless"),
    "mfa_authenticate": Way(who="halfway"),
    "mfa_reauthenticate": Way(who="guarded"),
    "mfa_deactivate_totp": Way(who="guarded"),
    "mfa_view_recovery_codes": Way(who="guarded"),
    "mfa_generate_recovery_codes": Way(who="guarded"),
    # The portal
    "portal:api-operation": Way(given(key="me")),
    "portal:no-shop": Way(who="shopless", status=403),
    "portal:demo-clock": Way(who="staff"),
    "portal:bulletin-detail": Way(given(slug="talk-A")),
    "portal:metric": Way(given(key="listings.rts_products")),
    "portal:rulebook": Way(given(module=SCORE)),
    "portal:member-deactivate": Way(of("portal.Member", user__username="colleague")),
    "portal:webhook": Way(ENDPOINT),
    "portal:webhook-edit": Way(ENDPOINT),
    "portal:webhook-secret": Way(ENDPOINT),
    "portal:webhook-rotate": Way(ENDPOINT),
    "portal:webhook-pause": Way(ENDPOINT),
    "portal:webhook-delete": Way(ENDPOINT),
    "portal:webhook-replay": Way(ENDPOINT, query="since=2022-08-01"),
    "portal:webhook-delivery": Way(
        both(
            of(
                "portal.WebhookDelivery",
                "endpoint__uid",
                "uid",
                endpoint__seller__member_id="cn1001",
            ),
            of(
                "portal.WebhookDelivery",
                "event__external_id",
                "event",
                endpoint__seller__member_id="cn1001",
            ),
        )
    ),
    # Listings
    "listings:product-detail": Way(PRODUCT),
    "listings:product-edit": Way(PRODUCT),
    "listings:product-history": Way(PRODUCT),
    "listings:product-delete": Way(PRODUCT),
    "listings:product-shipping-edit": Way(of("listings.ShippingTemplate")),
    "listings:product-shipping-delete": Way(of("listings.ShippingTemplate")),
    "listings:theme": Way(of("listings.Theme", "theme_id")),
    # RFQ
    "rfq:rfq": Way(OPEN_RFQ),
    "rfq:quote-form": Way(OPEN_RFQ),
    "rfq:spam-report": Way(OPEN_RFQ),
    "rfq:search-delete": Way(of("rfq.SavedSearch", user__username="owner")),
    "rfq:order-link": Way(given(order_id="bought-A")),
    "rfq:challenge-month": Way(given(month="2022-08")),
    "rfq:quote": Way(QUOTE),
    "rfq:quote-sent": Way(QUOTE),
    "rfq:quote-pin": Way(QUOTE),
    "rfq:quote-revise": Way(QUOTE),
    "rfq:quote-withdraw": Way(QUOTE),
    "rfq:quote-link-order": Way(QUOTE),
    "rfq:template": Way(of("rfq.QuoteTemplate")),
    "rfq:template-delete": Way(of("rfq.QuoteTemplate")),
    # Compliance
    "compliance:certificate": Way(CERTIFICATE),
    "compliance:certificate-edit": Way(of("compliance.Certificate", status="draft")),
    "compliance:certificate-delete": Way(of("compliance.Certificate", status="draft")),
    "compliance:certificate-impact": Way(
        of("compliance.Certificate", status="verified", type="epr")
    ),
    "compliance:mark-case": Way(of("compliance.MarkCase", product__seller__member_id="cn1001")),
    "compliance:traits-product": Way(PRODUCT),
    "compliance:service-request": Way(given(code="de-battery")),
    "compliance:violation": Way(VIOLATION),
    "compliance:closed-violations": Way(given(shop="cn4004"), "expelled"),
    "compliance:closed-violation": Way(
        both(given(shop="cn4004"), of("compliance.Violation", seller__member_id="cn4004")),
        "expelled",
    ),
    # Growth
    "growth:pack": Way(given(code="half")),
    "growth:programme": Way(TOUR_PROGRAMME),
    "growth:programme-leave": Way(TOUR_PROGRAMME),
    "growth:reward-use": Way(REWARD),
    # Administration
    "admin:portal_bulletin_publish": Way(of("portal.Bulletin"), "staff"),
    "admin:portal_nightrun_stop": Way(NIGHT, "staff"),
    "admin:portal_nightrun_retry_all": Way(NIGHT, "staff"),
    "admin:portal_nightrun_retry": Way(of("portal.JobRun", key="job_run_id"), "staff"),
    "admin:portal_rulebook_publish": Way(of("portal.Rulebook", status="draft"), "staff"),
    "admin:portal_rulebook_retract": Way(of("portal.Rulebook", version="later"), "staff"),
    "admin:portal_rulebook_impact": Way(of("portal.Rulebook", status="draft"), "staff"),
    "admin:portal_webhookendpoint_disable": Way(of("portal.WebhookEndpoint"), "staff"),
    "admin:listings_product_revisions": Way(of("listings.Product"), "staff"),
    "admin:rfq_spamreport_decide": Way(
        both(of("rfq.SpamReport"), given(decision="uphold")), "staff"
    ),
    "admin:compliance_appeal_decide": Way(
        both(of("compliance.Appeal"), given(decision="uphold")), "staff"
    ),
    "admin:compliance_markcase_judge": Way(of("compliance.MarkCase"), "staff"),
    "admin:compliance_ruleclass_publish": Way(of("compliance.RuleClass"), "staff"),
    "admin:compliance_ruleclass_terms": Way(of("compliance.RuleClass"), "staff"),
    "admin:compliance_ruleclass_test": Way(of("compliance.RuleClass"), "staff"),
    "admin:compliance_ruleclass_withdraw": Way(of("compliance.RuleClass"), "staff"),
    "admin:compliance_violation_overturn": Way(VIOLATION, "staff"),
    "admin:compliance_violation_publish": Way(VIOLATION, "staff"),
    "admin:compliance_violation_end_effect": Way(
        both(
            of("compliance.PenaltyEffect", "violation_id", "pk"),
            of("compliance.PenaltyEffect", key="effect"),
        ),
        "staff",
    ),
}
"""Name of an address → the way to its page."""

NOT_PAGES = {
    "healthz", "prometheus", "set_language", "portal:language",
    "account_confirm_login_code", "mfa_download_recovery_codes",
    "api:docs", "portal:file", "compliance:calendar-file", "compliance:gate-blocks-export",
    "listings:product-export", "listings:product-template", "listings:product-bulk",
    "rfq:quote-export", "rfq:rights-export",
    "growth:pack-claim", "growth:programme-enrol", "growth:programme-step",
    "growth:programme-renew", "growth:reward-choose", "growth:rights-upgrade", "growth:rights-upgrade-cancel",
    "admin:portal_rulebook_withdraw", "admin:portal_webhookendpoint_enable",
    "admin:jsi18n", "admin:autocomplete", "admin:view_on_site", "admin:login", "admin:logout",
    "admin:portal_ingestbatch_template", "admin:portal_ingestbatch_rejections",
    "admin:portal_rulebook_impact_csv",
    "admin:compliance_chemical_export", "admin:compliance_ruleclass_export",
    "admin:compliance_certificate_bulk", "admin:compliance_certificate_next",
    "admin:compliance_certificate_claim", "admin:compliance_certificate_release",
    "admin:compliance_certificate_decide",
}  # fmt: skip
"""Files, feeds, answers to programs, and what only sends people on unless a form was posted.

`api:docs` is Swagger UI: others wrote it and axe refuses it. What it says is also on `portal:api-reference`.
"""


# --- Pages --------------------------------------------------------------------------------------


def page_names() -> dict[str, tuple[str, ...]]:
    """Return name → parameters of every address that people can open."""
    found = {}
    for name, pattern in patterns_of(get_resolver(), ()):
        api = name.startswith("api:") and name not in WAYS
        if "get" in methods_of(pattern) and not api and name not in NOT_PAGES:
            found[name] = tuple(pattern.pattern.regex.groupindex)
    return found


def generic_names() -> set[str]:
    """Return the names of those pages of the administration that every model has."""
    return {
        f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
        for model in admin.site._registry
        for page in GENERIC
    }


@dataclass(frozen=True, order=True)
class Stop:
    """A page to open: by whom, where, and what it answers."""

    who: str
    path: str
    status: int = 200


def stops(house: House, area: str) -> list[Stop]:
    """Return the pages of an area: `seller`, `account`, `newcomer`, or an app's `admin …`."""
    if area.startswith("admin "):
        app = area.removeprefix("admin ")
        own = [one for one in _own_stops(house) if one.path.startswith(f"/admin/{app}/")]
        return [*own, *generic_stops(app)]
    if area == "newcomer":
        names = page_names()
        open_to_all = [
            name for name, keys in names.items() if not keys and name not in WAYS and ":" in name
        ]
        seller = [name for name in open_to_all if not name.startswith(("admin:", "api:"))]
        return [Stop("newcomer", reverse(name)) for name in sorted(seller)]
    account = ("/accounts/", "/admin/")
    found = [
        one for one in _own_stops(house) if one.path.startswith(account) == (area == "account")
    ]
    apps_of_admin = tuple(f"/admin/{app}/" for app in admin_apps())
    return [one for one in found if not one.path.startswith(apps_of_admin)]


def admin_apps() -> list[str]:
    """Return the labels of the apps in the administration."""
    return sorted({model._meta.app_label for model in admin.site._registry})


def _own_stops(house: House) -> Iterator[Stop]:
    generic = generic_names()
    for name, parameters in sorted(page_names().items()):
        if name in generic or name == "admin:app_list":
            continue
        way = WAYS.get(name, Way())
        who = way.who or ("staff" if name.startswith("admin:") else "owner")
        keys = way.keys(house)
        path = reverse(name, kwargs={one: keys[one] for one in parameters})
        yield Stop(who, f"{path}?{way.query}" if way.query else path, way.status)


def generic_stops(app: str) -> Iterator[Stop]:
    """Yield an app's index and of each model the list, newest row, its history, adding and deletion."""
    yield Stop("staff", reverse("admin:app_list", args=[app]))
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="staff")
    for model, page in admin.site._registry.items():
        if model._meta.app_label != app:
            continue
        row = _newest(model)
        assert row is not None, f"the house has no {model._meta.label}"
        yield Stop("staff", _admin(model, "changelist"))
        yield Stop("staff", _admin(model, "change", row))
        yield Stop("staff", _admin(model, "history", row))
        if page.has_add_permission(request):
            yield Stop("staff", _admin(model, "add"))
        if page.has_delete_permission(request, row):
            yield Stop("staff", _admin(model, "delete", row))


def _newest(model: type[Model]) -> Model | None:
    with unscoped():
        return model._base_manager.order_by("pk").last()


def _admin(model: type[Model], page: str, *rows: Model) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=[row.pk for row in rows])
