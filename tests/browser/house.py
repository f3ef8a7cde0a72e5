"""The whole house: two full shops, people of every kind, and a row of everything staff can look at."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from compliance.choices import AppealReason, EffectKind
from portal import platform_time
from portal.choices import DisputeReason, Role, SellerStatus
from portal.models import Rulebook, Seller, User
from portal.scoping import unscoped
from portal.services.rulebooks import rulebook_draft_save, rulebook_publish
from tests import factories
from tests.api.world import world_fill

SCORE = "rfq.score"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@dataclass
class House:
    """The owner's shop, and users by who they are."""

    shop: Seller
    people: dict[str, User | None]


# --- Rows and people ----------------------------------------------------------------------------


def house_fill() -> House:
    """Fill an empty database; the time is `page_world.NOON`."""
    world = world_fill()
    shop = world.shops["A"]
    people: dict[str, User | None] = {"anonymous": None, "halfway": None}
    for name, person in (("owner", "owner"), ("viewer", "viewer"), ("staff", "service")):
        people[name] = world.people[person].user
    with unscoped():
        fresh = factories.seller_create(shop.industry, member_id="cn3003", name_en="Fresh Ltd")
        people["newcomer"] = factories.member_create(fresh, Role.OWNER, "newcomer").user
        people["shopless"] = factories.user_create("shopless")
        people["guarded"] = factories.user_create("guarded", is_staff=True, is_superuser=True)
        TOTP.activate(people["guarded"], SECRET)
        RecoveryCodes.activate(people["guarded"])
        people["passwordless"] = factories.user_create("passwordless")
        people["passwordless"].set_unusable_password()
        people["passwordless"].save()
        people["expelled"] = _closed_shop(shop)
        _rows(shop)
    return House(shop, people)


def _closed_shop(like: Seller) -> User:
    """Make a shop that was closed for a violation; return its owner."""
    closed = factories.seller_create(
        like.industry, member_id="cn4004", name_en="Closed Ltd", status=SellerStatus.CLOSED
    )
    expelled = factories.member_create(closed, Role.OWNER, "expelled")
    pattern = _model("compliance.Violation")._base_manager.filter(seller=like).earliest("pk")
    pattern.pk, pattern.seller, pattern.key = None, closed, "closed"
    pattern.save()
    return expelled.user


def _model(label: str) -> Any:
    return apps.get_model(label)


def _make(label: str, **fields: Any) -> Any:
    return _model(label)._base_manager.create(**fields)


def _first(label: str, **where: Any) -> Any:
    return _model(label)._base_manager.filter(**where).earliest("pk")


def _rows(shop: Seller) -> None:
    """Add what staff can look at and the full shops do without."""
    now, today = platform_time.now(), platform_time.today()
    order, quote = _first("portal.Order", seller=shop), _first("rfq.Quote", seller=shop)
    buyer, rfq = _first("portal.Buyer"), _first("rfq.Rfq")
    staff = User.objects.get(username="staff")
    _make(
        "portal.Dispute", dispute_id="d1", order=order, reason=DisputeReason.values[0],
        opened_at=now,
    )  # fmt: skip
    _make("portal.BuyerVisit", visit_id="v1", seller=shop, buyer=buyer, at=now)
    _make("portal.LoginDay", seller=shop, day=today, at=now)
    _make("portal.ShowcaseUse", seller=shop, day=today, slots=10, used=4)
    _make("portal.ProductDay", seller=shop, product_ref="p1", day=today)
    rejected = [{"row": 2, "field": "amount", "error": "not a number", "value": "x"}]
    _make(
        "portal.IngestBatch", kind="orders", source="orders.csv", rows=3, created=2, rejected=1,
        rejections=rejected, started_at=now, finished_at=now,
    )  # fmt: skip
    offer = {"rfq": rfq, "seller": shop, "title": "Kits", "price": 12, "message": "Ours."}
    _make("rfq.UnsolicitedOffer", submitted_at=now, **offer)
    _model("rfq.OrderLink")._base_manager.get_or_create(
        order=order, defaults={"quote": quote, "linked_at": now}
    )
    _make(
        "rfq.PeerBenchmark", industry=shop.industry, factor="quotes", peers=30, threshold=44,
        valid_from=today,
    )  # fmt: skip
    _make(
        "compliance.Appeal", violation=_first("compliance.Violation", seller=shop),
        reason=AppealReason.values[0], text="We did not.", appealed_at=now,
    )  # fmt: skip
    _make(
        "compliance.PenaltyEffect", violation=_first("compliance.Violation", seller=shop),
        kind=EffectKind.values[0], starts_at=now, ends_at=now + timedelta(days=7),
    )  # fmt: skip
    _make("compliance.ChemicalCategory", category=shop.industry, starts_on=today)
    _make("compliance.CategoryTraits", category=shop.industry, traits=1)
    certificate = _first("compliance.Certificate", seller=shop)
    _make("compliance.Declaration", certificate=certificate, due_on=today, declared_at=now)
    _make(
        "compliance.RegisterImport", register="lucid", dated_on=today, name="lucid.csv",
        sha256="0" * 64, rows=2, imported_at=now, imported_by=staff,
    )  # fmt: skip
    _make("growth.PackListing", pack=_first("growth.Pack"), seller=shop)
    enrolment = _first("growth.Enrolment", seller=shop)
    due = now + timedelta(days=5)
    _make("growth.EnrolmentRenewal", enrolment=enrolment, asked_at=now, answer_due_at=due)
    standing = _first("growth.StarStanding", seller=shop)
    known = {one.name for one in _model("growth.StarAssessment")._meta.concrete_fields}
    fields = {
        one.name: getattr(standing, one.name)
        for one in standing._meta.concrete_fields
        if one.name in known and not one.primary_key
    }
    month = today.replace(day=1)
    extra = {"seller": shop, "month": month, "as_of": today, "night": today, "fixed_at": now}
    _make("growth.StarAssessment", **{**fields, **extra})
    _model("growth.RewardGrant")._base_manager.filter(
        pk=_first("growth.RewardGrant", seller=shop, status="granted").pk
    ).update(choice="car")
    _rulebooks(staff)


def _rulebooks(staff: User) -> None:
    """Draft a rulebook whose impact can be looked at, and publish one that can be taken back."""
    known = Rulebook.objects.filter(module=SCORE).latest("effective_from")
    later = platform_time.today() + timedelta(days=400)
    for version in ("later", "draft"):
        book = rulebook_draft_save(
            actor=staff, module=SCORE, version=version, effective_from=later, content=known.content
        )
        if version == "later":
            rulebook_publish(actor=staff, rulebook=book, supersedes=known)
        later += timedelta(days=400)


# --- Signing in ------------------------------------------------------------------------------------


def session_of(house: House, who: str) -> str:
    """Return a session of a person who signed in on the page, second factor included; "" for nobody."""
    user = house.people[who] or (house.people["guarded"] if who == "halfway" else None)
    if user is None:
        return ""
    client = Client()
    if who == "passwordless":
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    else:
        cache.clear()  # limits to guesses
        form = {"login": user.username, "password": factories.PASSWORD}
        client.post(reverse("account_login"), form)
        if who == "owner":
            client.post(reverse("account_reauthenticate"), {"password": factories.PASSWORD})
        if who == "guarded":
            code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))
            client.post(reverse("mfa_authenticate"), {"code": code})
            client.post(reverse("account_reauthenticate"), {"password": factories.PASSWORD})
    return client.session.session_key
