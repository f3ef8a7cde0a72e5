"""Columns of products that the framework has no type for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from listings.services.product_data import MAX_IMAGES
from portal.ingest.columns import CellError, Code, Int, TextList

RESERVED_IDS = frozenset({".", "..", "bulk"})
"""Ids that could not be told from other addresses."""

FORBIDDEN_IN_ID = "/\\?#%"


@dataclass(frozen=True)
class ProductId(Code):
    """An external id that can stand in an address."""

    def parse(self, raw: Any) -> str:
        """Return the id."""
        code = super().parse(raw)
        if any(sign in code for sign in FORBIDDEN_IN_ID):
            raise CellError(_("an id must not hold any of %(signs)s") % {"signs": FORBIDDEN_IN_ID})
        if code in RESERVED_IDS:
            raise CellError(_("this id is reserved"))
        return code


@dataclass(frozen=True)
class Images(TextList):
    """Addresses of pictures, or only how many there are."""

    def parse(self, raw: Any) -> list[Any]:
        """Return the addresses; a bare number stands for that many unnamed pictures."""
        is_text = isinstance(raw, str)
        if isinstance(raw, (int, float)) or (is_text and raw.strip().isdecimal()):
            count = Int(self.name, most=MAX_IMAGES).clean(raw)
            return [f"image-{number}" for number in range(1, count + 1)]
        return super().parse(raw)
