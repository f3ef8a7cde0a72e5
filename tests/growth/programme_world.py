"""Programmes and enrolments for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import Group

from growth.choices import EnrolmentState
from growth.models import Enrolment, EnrolmentDocument, EnrolmentEvent, Programme
from growth.programmes.reading import programme_reading
from growth.services.enrolments import Application, enrolment_apply
from growth.services.programmes import normal
from portal.errors import Refusal
from portal.models import Member, Seller, SellerFlag, StoredFile, User
from portal.scoping import seller_scope, unscoped
from tests import factories


def programme_create(code: str = "made_up", **content: Any) -> Programme:
    """Make a programme everybody can enrol in at any time, unless `content` says otherwise."""
    return Programme.objects.create(
        code=code,
        kind=content.pop("kind", "activity"),
        title_en=content.pop("title_en", code.replace("_", " ").title()),
        content=normal({"summary": {"en": "Summary", "zh": "简介"}} | content),
    )


def shipped(code: str) -> Programme:
    """Return one of the programmes every portal has."""
    return Programme.objects.get(code=code)


def apply(member: Member, programme: Programme, **application: Any) -> Enrolment:
    """Enrol by the service."""
    return enrolment_apply(
        member=member, programme=programme, application=Application(**application)
    )


def state_of(seller: Seller, code: str) -> str:
    """Return the state the API shows."""
    with seller_scope(seller):
        reading = programme_reading(seller, code)
    assert reading is not None
    return reading.state


def enrolments() -> list[dict[str, Any]]:
    """Return every enrolment as it is, to see that nothing changed."""
    with unscoped():
        return list(Enrolment.objects.order_by("pk").values())


def current(seller: Seller, code: str) -> Enrolment:
    """Return the newest enrolment of a shop."""
    with unscoped():
        rows = Enrolment.objects.select_related("programme", "seller")
        return rows.filter(seller=seller, programme__code=code).latest("pk")


def operator_create(name: str = "operator") -> User:
    """Make a member of staff who may decide about enrolments."""
    user = factories.user_create(name, is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    return User.objects.get(pk=user.pk)


ACTIVE, APPLIED = EnrolmentState.ACTIVE, EnrolmentState.APPLIED


def at(clock: Any, instant: str) -> None:
    """Set the time; without an offset Pacific summer time."""
    clock(f"{instant}-07:00")


def refused(act: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """Return the code of a refusal, having checked that nothing was kept."""

    def kept() -> list[Any]:
        with unscoped():
            models = (
                Enrolment,
                EnrolmentEvent,
                EnrolmentDocument,
                SellerFlag,
                LogEntry,
                StoredFile,
            )
            return [list(model.objects.order_by("pk").values()) for model in models]

    before = kept()
    with pytest.raises(Refusal) as refusal:
        act(*args, **kwargs)
    assert kept() == before
    return refusal.value.code


def change(shop: Seller, **fields: Any) -> None:
    """Change a shop as upstream would."""
    Seller.objects.filter(pk=shop.pk).update(**fields)
    shop.refresh_from_db()
