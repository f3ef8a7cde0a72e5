"""The main pages and API calls of a seller, whose costs are kept in `query_counts.txt` (P-3)."""

from __future__ import annotations

from pathlib import Path

from django.urls import reverse

COUNTS = Path(__file__).with_name("query_counts.txt")
VENDORS = ("sqlite", "postgresql")


def pages(*, rfq: str, theme: str, product: str, pack: str) -> dict[str, str]:
    """Return page or call → its address; what is looked at closely is given by its id."""
    return {
        "home": reverse("portal:home"),
        "RFQ list": reverse("rfq:market"),
        "RFQ": reverse("rfq:rfq", args=[rfq]),
        "quote form": reverse("rfq:quote-form", args=[rfq]),
        "quotes": reverse("rfq:quotes"),
        "rights": reverse("rfq:rights"),
        "score": reverse("rfq:score"),
        "products": reverse("listings:products"),
        "product": reverse("listings:product-detail", args=[product]),
        "themes": reverse("listings:themes"),
        "theme": reverse("listings:theme", args=[theme]),
        "matches": reverse("listings:matches"),
        "guide": reverse("growth:guide"),
        "packs": reverse("growth:packs"),
        "pack": reverse("growth:pack", args=[pack]),
        "diagnosis": reverse("growth:diagnosis"),
        "star": reverse("growth:star"),
        "programmes": reverse("growth:programmes"),
        "EPR matrix": reverse("compliance:overview"),
        "EPR products": reverse("compliance:products"),
        "certificates": reverse("compliance:certificates"),
        "calendar": reverse("compliance:calendar"),
        "violations": reverse("compliance:violations"),
        "notices": reverse("portal:notices"),
        "orders": reverse("portal:orders"),
        "webhooks": reverse("portal:webhooks"),
        "api next actions": reverse("api:next-actions"),
        "api RFQs": reverse("api:rfq:rfqs"),
        "api RFQ": reverse("api:rfq:rfq", args=[rfq]),
        "api quotes": reverse("api:rfq:quotes"),
        "api score": reverse("api:rfq:score"),
        "api products": reverse("api:listings:products"),
        "api themes": reverse("api:listings:themes"),
        "api matches": reverse("api:listings:matches"),
        "api packs": reverse("api:growth:packs"),
        "api diagnosis": reverse("api:growth:diagnosis"),
        "api star": reverse("api:growth:star"),
        "api EPR matrix": reverse("api:compliance:overview"),
        "api certificates": reverse("api:compliance:certificates"),
        "api metrics": reverse("api:metrics"),
        "api webhooks": reverse("api:webhooks"),
    }


def counts_read() -> dict[str, dict[str, int]]:
    """Return page → database → its queries, as kept."""
    _head, *lines = COUNTS.read_text().splitlines()
    found = {}
    for line in lines:
        name, *numbers = line.rsplit(maxsplit=len(VENDORS))
        found[name.strip()] = dict(zip(VENDORS, map(int, numbers), strict=True))
    return found


def counts_write(counts: dict[str, dict[str, int]]) -> None:
    """Keep the queries of each page; -1 where a database has not been asked."""
    head = f"{'page':<24}" + "".join(f"{vendor:>12}" for vendor in VENDORS)
    lines = [
        f"{name:<24}" + "".join(f"{numbers.get(vendor, -1):>12}" for vendor in VENDORS)
        for name, numbers in counts.items()
    ]
    COUNTS.write_text("\n".join([head, *lines]) + "\n")
