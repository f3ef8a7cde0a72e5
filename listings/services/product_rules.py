"""Turns raw input into a product's content, or says field by field what is wrong (LST-1).

Pure but for the `Catalogue` it is given: forms, API, import, bulk edit and ingest all come through
`clean`, so a product can be refused for one set of reasons only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from listings.choices import (
    EprTrait,
    PriceMode,
    ProductKind,
    ProductStatus,
    VideoQuality,
)
from listings.matching.countries import is_country
from listings.matching.text import canonical_value
from listings.services import product_data as limits
from listings.services.product_attributes import clean_attributes, hint
from listings.services.product_catalogue import Catalogue
from listings.services.product_columns import Images
from listings.services.product_data import FIELDS, ProductData, money_text, to_money
from portal.ingest.columns import (
    Bool,
    CellError,
    Choice,
    Column,
    Int,
    Money,
    Text,
    TextList,
    quote,
    safe_text,
)
from portal.models import Category

Problem = tuple[str, str]
"""(field, message for the reader)"""

SERVICE_CODE = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")
CAS = re.compile(r"[0-9]{2,7}-[0-9]{2}-[0-9]")
MAX_QUANTITY = 1_000_000_000

_PRICE = Money("price", max_digits=12)
_QUANTITY = Int("quantity", least=1, most=MAX_QUANTITY)
_STOCK = Int("stock", optional=True, most=MAX_QUANTITY)

PLAIN: dict[str, Column] = {
    "category": Text("category", max_length=64),
    "title": Text("title", max_length=limits.MAX_TITLE),
    "kind": Choice("kind", choices=ProductKind.values),
    "status": Choice("status", choices=ProductStatus.values),
    "keywords": TextList("keywords", optional=True, max_items=limits.MAX_KEYWORDS, item_length=120),
    "brand": Text("brand", optional=True, max_length=80),
    "description": Text("description", optional=True, max_length=20_000),
    "price_mode": Choice("price_mode", choices=PriceMode.values),
    "price_min": Money("price_min", optional=True, max_digits=12),
    "price_max": Money("price_max", optional=True, max_digits=12),
    "moq": Int("moq", optional=True, least=1, most=MAX_QUANTITY),
    "unit": Text("unit", optional=True, max_length=40),
    "target_countries": TextList("target_countries", optional=True, max_items=260, item_length=60),
    "services": TextList("services", optional=True, max_items=63, item_length=60),
    "epr_traits": TextList("epr_traits", optional=True, choices=EprTrait.values, default=None),
    "images": Images("images", optional=True, max_items=limits.MAX_IMAGES, item_length=500),
    "cas": Text("cas", optional=True, max_length=14),
    "video": Choice("video", optional=True, choices=VideoQuality.values, default=VideoQuality.NONE),
    "dispatch_days": Int("dispatch_days", optional=True, least=0, most=365),
    "shipping_template": Int("shipping_template", optional=True, least=1, most=2**31 - 1),
    "owner": Int("owner", optional=True, least=1, most=2**31 - 1),
    "showcase": Bool("showcase", optional=True),
}


@dataclass
class Cleaned:
    """What came out: the content, and what is wrong with it; with problems it is not to be saved."""

    data: ProductData
    problems: list[Problem] = field(default_factory=list)

    def add(self, name: str, message: Any) -> None:
        """Note a problem of a field."""
        self.problems.append((name, str(message)))


def clean(
    given: Mapping[str, Any],
    *,
    base: ProductData | None,
    catalogue: Catalogue,
    day: date,
    by_platform: bool = False,
    cleaned: Collection[str] = (),
) -> Cleaned:
    """Return a product's content after `given` raw fields were put on what it said before.

    `base` is None for a product that does not exist yet. Stored fields that are not given, or given
    as they are, are not judged again: a value the catalogue has dropped since does not block an edit
    of the title. `day` is the Pacific day that decides on suspended categories. Where a seller may
    publish is no question to the platform: upstream's products (`by_platform`) stand where they stand.
    Fields that are `cleaned` hold what the columns of `PLAIN` would make of them (`cleaned_alike`).
    """
    out = Cleaned(base.copy() if base else ProductData())
    for name in given:
        if name not in FIELDS or name == "deleted_at":
            out.add(name, _("There is no such field."))
    for name, column in PLAIN.items():
        if name in cleaned and name in given:
            setattr(out.data, name, given[name])
        elif name in given:
            _clean_plain(out, name, column, given[name])
    _clean_lists(out, given)
    _clean_pricing(out, given, base)
    category = _clean_category(out, catalogue)
    if category is not None and not by_platform:
        _check_placement(out, category, base, catalogue, day)
    clean_attributes(out, given, base, catalogue, category)
    if not out.data.title and "title" not in {name for name, _text in out.problems}:
        out.add("title", _("A product needs a title."))
    return out


def cleaned_alike(columns: Iterable[Column]) -> frozenset[str]:
    """Return the names of those columns whose clean values `clean` would leave as they are.

    They are the very columns of `PLAIN`, but for their examples.
    """
    return frozenset(
        column.name for column in columns if replace(column, example="") == PLAIN.get(column.name)
    )


def _clean_plain(out: Cleaned, name: str, column: Column, raw: Any) -> None:
    try:
        setattr(out.data, name, column.clean(raw))
    except CellError as error:
        out.add(name, error)


# --- Lists --------------------------------------------------------------------------------------


def _clean_lists(out: Cleaned, given: Mapping[str, Any]) -> None:
    broken = {name for name, _text in out.problems}
    if "target_countries" in given and "target_countries" not in broken:
        out.data.target_countries = _countries(out)
    if "services" in given and "services" not in broken:
        out.data.services = _services(out)
    if "epr_traits" in given and not out.data.epr_traits:
        out.data.epr_traits = None
    cas = out.data.cas if "cas" in given and "cas" not in broken else ""
    if cas and not CAS.fullmatch(cas):
        out.add("cas", _("A CAS number looks like 7664-93-9."))


def _countries(out: Cleaned) -> list[str]:
    codes = [text.upper() for text in out.data.target_countries]
    unknown = [code for code in codes if not is_country(code)]
    if unknown:
        message = _("%(codes)s: not a country code of two letters such as US")
        if "UK" in unknown:
            message = _("%(codes)s: not a country code; the United Kingdom is GB")
        out.add("target_countries", message % {"codes": ", ".join(map(quote, unknown[:5]))})
    return sorted(set(codes))


def _services(out: Cleaned) -> list[str]:
    codes = [service_code(text) for text in out.data.services]
    for code in codes:
        if not SERVICE_CODE.fullmatch(code):
            out.add(
                "services",
                _("%(code)s: a service is a code of letters, digits and _, such as dispatch_7d")
                % {"code": quote(code)},
            )
    return sorted(set(codes))


def service_code(text: str) -> str:
    """Return a service code as it is stored: lower case, `_` for hyphens and spaces."""
    return re.sub(r"[\s\-]+", "_", text.strip().casefold())


def cas_problem(text: str) -> str:
    """Return why a typed CAS number is wrong (form or check digit), or nothing.

    Upstream's numbers are only asked for their form: its facts are not refused for a typing error.
    """
    if not CAS.fullmatch(text):
        return _("A CAS number looks like 7664-93-9.")
    digits = text.replace("-", "")
    total = sum(weight * int(digit) for weight, digit in enumerate(digits[-2::-1], start=1))
    if total % 10 != int(digits[-1]):
        return _("The last digit of this CAS number does not fit the others.")
    return ""


# --- Prices -------------------------------------------------------------------------------------

PRICING = ("price_mode", "tiers", "skus", "price_min", "price_max")


def _clean_pricing(out: Cleaned, given: Mapping[str, Any], base: ProductData | None) -> None:
    """Read the prices of the mode and derive the range from them."""
    if not any(name in given for name in PRICING):
        return
    data = out.data
    if "tiers" in given:
        data.tiers = _rows(out, "tiers", given["tiers"], limits.MAX_TIERS, _tier)
        _check_quantities(out)
    if "skus" in given:
        data.skus = _rows(out, "skus", given["skus"], limits.MAX_SKUS, _sku)
        _check_names(out)
    if "price_mode" not in given:
        data.price_mode = _mode(given, data, base)
    if data.price_mode == PriceMode.TIERS:
        _derive_range(data, [price for _quantity, price in data.tiers])
    elif data.price_mode == PriceMode.SKU:
        _derive_range(data, [sku["price"] for sku in data.skus])
    _check_range(out)


def _mode(given: Mapping[str, Any], data: ProductData, base: ProductData | None) -> str:
    """Tell how a product is priced by what was given: upstream names no mode."""
    if "tiers" in given and data.tiers:
        return PriceMode.TIERS
    if "skus" in given and data.skus:
        return PriceMode.SKU
    if base is None:
        return PriceMode.FOB
    if base.price_mode == PriceMode.TIERS and "tiers" in given:
        return PriceMode.FOB
    if base.price_mode == PriceMode.SKU and "skus" in given:
        return PriceMode.FOB
    ranged = (data.price_min, data.price_max) != (base.price_min, base.price_max)
    if ranged and (data.price_min is not None or data.price_max is not None):
        return PriceMode.FOB
    return base.price_mode


def _derive_range(data: ProductData, prices: list[str]) -> None:
    amounts = [to_money(price) for price in prices]
    known = [amount for amount in amounts if amount is not None]
    data.price_min = min(known, default=None)
    data.price_max = max(known, default=None)


def _check_range(out: Cleaned) -> None:
    data = out.data
    if data.price_min is None:
        data.price_min = data.price_max
    if data.price_max is None:
        data.price_max = data.price_min
    if data.price_min is None or data.price_max is None:
        return
    broken = {name for name, _text in out.problems}
    if data.price_min <= 0 and not broken & set(PRICING):
        out.add("price_min", _("A price has to be more than 0."))
    elif data.price_max < data.price_min and not broken & {"price_min", "price_max"}:
        out.add("price_max", _("The highest price is below the lowest."))


def _rows(out: Cleaned, name: str, raw: Any, most: int, read: Callable[[Any], Any]) -> list[Any]:
    """Read a list of price rows; each that cannot be read is a problem with its number."""
    if raw in (None, ""):
        return []
    if not isinstance(raw, (list, tuple)):
        out.add(name, _("This has to be a list."))
        return []
    if len(raw) > most:
        out.add(
            name,
            _("There are %(count)d rows; at most %(most)d are allowed.")
            % {"count": len(raw), "most": most},
        )
        return []
    rows = []
    for number, row in enumerate(raw, start=1):
        try:
            rows.append(read(row))
        except CellError as error:
            out.add(name, _("Row %(number)d: %(problem)s") % {"number": number, "problem": error})
    return rows


def _tier(raw: Any) -> list[Any]:
    if not isinstance(raw, (list, tuple)) or len(raw) != 2:
        raise CellError(_("write [quantity, price]"))
    return [_QUANTITY.clean(raw[0]), _price(raw[1])]


def _sku(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise CellError(_("write a name, a price and a stock"))
    name = safe_text(raw.get("name") or "", 120)
    if not name:
        raise CellError(_("the specification needs a name"))
    return {
        "name": name,
        "price": _price(raw.get("price")),
        "stock": _STOCK.clean(raw.get("stock")),
    }


def _price(raw: Any) -> str:
    amount = _PRICE.clean(raw)
    if amount <= 0:
        raise CellError(_("a price has to be more than 0"))
    text = money_text(amount)
    assert text is not None  # noqa: S101 - a required column never cleans to nothing
    return text


def _check_quantities(out: Cleaned) -> None:
    quantities = [quantity for quantity, _price_text in out.data.tiers]
    if any(later <= earlier for earlier, later in pairwise(quantities)):
        out.add("tiers", _("The quantity has to rise from tier to tier."))


def _check_names(out: Cleaned) -> None:
    names = [canonical_value(sku["name"]) for sku in out.data.skus]
    if len(set(names)) < len(names):
        out.add("skus", _("Two specifications have the same name."))


# --- Category and attributes --------------------------------------------------------------------


def _clean_category(out: Cleaned, catalogue: Catalogue) -> Category | None:
    """Return the category the product will be in, or None with the problem noted (K-12)."""
    code = out.data.category
    if any(name == "category" for name, _text in out.problems):
        return None
    if not code:
        out.add("category", _("A product needs a category."))
        return None
    category = catalogue.categories.get(code)
    if category is None:
        message = _("There is no category %(code)s.") % {"code": quote(code)}
        out.add("category", message + hint(catalogue.nearest_categories(code)))
    return category


def _check_placement(
    out: Cleaned, category: Category, base: ProductData | None, catalogue: Catalogue, day: date
) -> None:
    """Note why a seller may not put a product here: a leaf it has to be, and one open that day."""
    entered = base is None or base.category != category.code
    if entered and not category.is_leaf:
        out.add(
            "category", _("%(name)s has subcategories: pick one of them.") % {"name": category.name}
        )
    status = out.data.status
    shown = status in (ProductStatus.LIVE, ProductStatus.IN_REVIEW)
    if (shown or (entered and status == ProductStatus.DRAFT)) and catalogue.blocked(category, day):
        out.add("category", blocked_reason(category))


def blocked_reason(category: Category) -> str:
    """Say why nothing may be published in a category."""
    if category.prohibited:
        return _("%(name)s is prohibited: nothing may be published there.") % {
            "name": category.name
        }
    return _("%(name)s is suspended: nothing may be published there now.") % {"name": category.name}
