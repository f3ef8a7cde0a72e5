"""What the gate blocked for a shop, explained, as a list and as a file (EPR-11)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from compliance.choices import EprCategory
from compliance.epr.overview_page import upload_url
from compliance.models import GateBlock, GatedProduct
from portal.country_names import country_name
from portal.models import Seller
from portal.scoping import seller_scope

KEYSET = ("-last_at", "-pk")
CHUNK = 500
LONGEST = 64
HEADER = ("product_id", "title", "country", "day", "first_at", "last_at", "times", "reasons")


def chosen_blocks(seller: Seller, params: Mapping[str, str]) -> QuerySet[GateBlock]:
    """Return a shop's blocks of the `product` and `country` asked for; unknown ones find nothing."""
    blocks = GateBlock.objects.filter(seller=seller)
    product = params.get("product", "").replace("\0", "").strip()[:LONGEST]
    country = params.get("country", "").replace("\0", "").strip().upper()[:LONGEST]
    if product:
        blocks = blocks.filter(product_id=product)
    if country:
        blocks = blocks.filter(country=country)
    return blocks


@dataclass(frozen=True)
class ReasonView:
    """Why, and what to do about it; `url` leads there."""

    code: str
    text: str
    advice: str
    url: str = ""


@dataclass(frozen=True)
class BlockView:
    """A block with the product as it is named now; none when it is gone."""

    block: GateBlock
    title: str
    known: bool
    country: str
    reasons: list[ReasonView]


def reason_view(code: str, category: str | None, country: str) -> ReasonView:
    """Explain a reason of the gate in the active language."""
    name = str(EprCategory(category).label) if category in EprCategory.values else ""
    place = {"name": name, "country": country_name(country)}
    texts = {
        "epr_missing": (
            _("No number for %(name)s in %(country)s"),
            _("Upload the number, or register first."),
        ),
        "epr_in_review": (
            _("The number for %(name)s in %(country)s waits for review"),
            _("Nothing to do: reviewers decide within 3 working days."),
        ),
        "epr_rejected": (
            _("The number for %(name)s in %(country)s was rejected"),
            _("Correct the certificate and submit it again."),
        ),
        "epr_not_covered": (
            _("Your number for %(name)s in %(country)s does not cover this product"),
            _("Upload one that covers it, or for all your products."),
        ),
        "epr_expired": (
            _("The number for %(name)s in %(country)s has expired"),
            _("Upload the renewed certificate."),
        ),
        "epr_revoked": (
            _("The number for %(name)s in %(country)s was revoked"),
            _("Read why with the certificate, and upload one that counts."),
        ),
        # Translators: 限制类化学品：可展示 不可交易
        "no_online_trade": (
            _("A restricted chemical: it may be shown, but not ordered online"),
            _("Agree with the buyer on another way; an admission does not open online orders."),
        ),
        # Translators: 可展示、不可线上交易
        "display_only": (
            _("Its words belong to goods that may be shown, but not ordered online"),
            _("Read which on the product's page; correct what is not true of it."),
        ),
        # Translators: 禁止销售
        "forbidden_chemical": (
            _("A forbidden chemical"),
            _("Take the product off the shelf."),
        ),
    }
    text, advice = texts.get(code, (code, ""))
    url = ""
    if code in ("epr_rejected", "epr_revoked"):
        url = reverse("compliance:certificates")
    elif name and code != "epr_in_review":
        url = upload_url(country, category or "")
    return ReasonView(code, text % place if name else text, advice, url)


def block_views(blocks: Iterable[GateBlock]) -> list[BlockView]:
    """Return blocks as the page shows them; one statement."""
    blocks = list(blocks)
    titles = _titles(block.product_id for block in blocks)
    return [
        BlockView(
            block,
            titles.get(block.product_id, block.product_id),
            block.product_id in titles,
            country_name(block.country),
            [reason_view(one["code"], one["category"], block.country) for one in block.reasons],
        )
        for block in blocks
    ]


def _titles(product_ids: Iterable[str]) -> Mapping[str, str]:
    products = GatedProduct.objects.filter(product_id__in=set(product_ids), deleted=False)
    return dict(products.values_list("product_id", "title"))


def export_rows(seller: Seller, blocks: QuerySet[GateBlock]) -> Iterator[list[Any]]:
    """Yield the header and one row per block; a constant number of statements per 500.

    Instants are ISO 8601 with offset. A response is streamed when the request's scope is left already,
    so each chunk enters the shop's own.
    """
    yield list(HEADER)
    keys = list(blocks.values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        with seller_scope(seller):
            found = GateBlock.objects.in_bulk(keys[start : start + CHUNK])
            chunk = [found[key] for key in keys[start : start + CHUNK] if key in found]
            cells = [_cells(view) for view in block_views(chunk)]
        yield from cells


def _cells(view: BlockView) -> list[Any]:
    block = view.block
    return [
        block.product_id,
        view.title if view.known else "",
        block.country,
        block.day.isoformat(),
        block.first_at.isoformat(timespec="seconds"),
        block.last_at.isoformat(timespec="seconds"),
        block.times,
        "; ".join(reason.text for reason in view.reasons),
    ]
