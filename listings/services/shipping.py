"""Shipping templates of a shop (LST-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from listings.matching.countries import is_country
from listings.models import Product, ShippingTemplate
from listings.services.products import may_edit
from portal.errors import InvalidInput, Refusal
from portal.ingest.columns import CellError, safe_text
from portal.models import Member, Seller

MAX_LINES = 30


def shipping_template_save(
    *,
    actor: Member,
    seller: Seller,
    name: str,
    lines: Sequence[dict[str, Any]],
    template: ShippingTemplate | None = None,
) -> ShippingTemplate:
    """Create a template or change one; `lines` holds {code, countries, guaranteed}.

    Raises `InvalidInput` naming `name` or `lines`, also for a name the shop uses already.
    """
    may_edit(actor=actor, seller=seller)
    problems: list[tuple[str, str]] = []
    try:
        name = safe_text(name, 80)
    except CellError as error:
        problems.append(("name", str(error)))
    if not name and not problems:
        problems.append(("name", _("Give the template a name.")))
    cleaned = _lines(lines, problems)
    if problems:
        raise InvalidInput(problems, _("Some fields are not valid."))
    template = template or ShippingTemplate(seller=seller)
    template.name, template.lines = name, cleaned
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError:
        raise InvalidInput([("name", _("There is a template of this name already."))]) from None
    return template


def _lines(
    lines: Sequence[dict[str, Any]], problems: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    if not 1 <= len(lines) <= MAX_LINES:
        problems.append(("lines", _("Give 1 to %(most)d lines.") % {"most": MAX_LINES}))
        return []
    cleaned = []
    for number, line in enumerate(lines, start=1):
        try:
            code = safe_text(line.get("code", ""), 40)
        except CellError as error:
            problems.append(("lines", f"{number}: {error}"))
            continue
        codes = sorted({str(one).strip().upper() for one in line.get("countries", ())} - {""})
        unknown = [one for one in codes if not is_country(one)]
        if not code or not codes:
            text = _("Line %(number)d needs a name and at least one country.")
            problems.append(("lines", text % {"number": number}))
        elif unknown:
            text = _("Line %(number)d: %(codes)s is not a country code such as US.")
            problems.append(("lines", text % {"number": number, "codes": ", ".join(unknown[:5])}))
        cleaned.append(
            {"code": code, "countries": codes, "guaranteed": bool(line.get("guaranteed"))}
        )
    return cleaned


def shipping_template_delete(*, actor: Member, template: ShippingTemplate) -> None:
    """Delete a template that no product uses; 409 `in_use` otherwise."""
    may_edit(actor=actor, seller=template.seller)
    with transaction.atomic():
        used = Product.objects.filter(shipping_template=template).count()
        if used:
            raise Refusal(
                "in_use", _("%(count)d products ship with this template.") % {"count": used}
            )
        template.delete()
