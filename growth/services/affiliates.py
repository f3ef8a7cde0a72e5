"""The second company of a shop, as the certification company reports it (GRO-16)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from growth.models import AffiliatedCompany
from portal.errors import InvalidInput, NotAllowed
from portal.ingest.cells import CellError, safe_text
from portal.models import Seller, User
from portal.scoping import unscoped
from portal.services import audit

PERMISSION = "growth.change_affiliatedcompany"
MAX_NAME = 200
MAX_COUNT = 2**31 - 1
COUNTS = ("floor_area", "qc_staff", "rd_staff", "employees")
FIELDS = ("name", "shares", "concert_shares", "same_legal_person", *COUNTS)
_HUNDRED, _CENT = Decimal(100), Decimal("0.01")


def affiliate_save(*, actor: User, seller: Seller, values: Mapping[str, Any]) -> AffiliatedCompany:
    """Keep the second company of a shop, or what has changed of it (GRO-16).

    `values` are of `FIELDS`; what is missing stays, or is nothing at first. Raises `NotAllowed`, and
    `InvalidInput` naming every field at fault; nothing is changed then.
    """
    if not actor.has_perm(PERMISSION):
        raise NotAllowed(_("You may not change affiliated companies."))
    clean = _checked(values)
    with unscoped(), transaction.atomic():
        Seller.objects.select_for_update(no_key=True).get(pk=seller.pk)
        company = AffiliatedCompany.objects.filter(seller=seller).first()
        company = company or AffiliatedCompany(seller=seller)
        before = {} if company.pk is None else {name: getattr(company, name) for name in FIELDS}
        for name, value in clean.items():
            setattr(company, name, value)
        if not company.name:
            raise InvalidInput([("name", _("Must not be empty."))])
        after = {name: getattr(company, name) for name in FIELDS}
        if before != after:
            company.save()
            audit.record(
                action="affiliate.change" if before else "affiliate.create",
                actor=actor,
                obj=company,
                before=before,
                after=after,
                seller=seller.member_id,
            )
    return company


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    problems: list[tuple[str, str]] = []
    clean: dict[str, Any] = {}
    for name in FIELDS:
        if name not in values:
            continue
        try:
            clean[name] = _value(name, values[name])
        except CellError as error:
            problems.append((name, str(error)))
    if problems:
        raise InvalidInput(problems)
    return clean


def _value(name: str, raw: Any) -> Any:
    if name == "name":
        return safe_text(raw, MAX_NAME)
    if name == "same_legal_person":
        return bool(raw)
    if name in COUNTS:
        if not isinstance(raw, int) or not 0 <= raw <= MAX_COUNT:
            raise CellError(_("Must be a whole number, 0 or more."))
        return raw
    if raw is None and name == "concert_shares":
        return None
    percent = Decimal(raw)
    if not percent.is_finite() or not 0 <= percent <= _HUNDRED:
        raise CellError(_("Must be a percentage from 0 to 100."))
    if percent != percent.quantize(_CENT):
        raise CellError(_("Has more than two decimal places."))
    return percent
