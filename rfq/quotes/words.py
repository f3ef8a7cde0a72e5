"""Sentences about what a quote uses and what is left (RFQ-7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rfq.choices import RightKind
from rfq.market.access import rights_needed
from rfq.models import Rfq
from rfq.services.rights import Balances

ALWAYS_NAMED = (RightKind.QUOTE, RightKind.GOLD, RightKind.FAST_LANE)


@dataclass(frozen=True)
class CostLine:
    """One kind of right a quote uses: how many, what there is, what remains (none: unlimited)."""

    kind: RightKind
    uses: int
    have: int | None

    @property
    def left(self) -> int | None:
        """What remains afterwards; never below zero."""
        return None if self.have is None else max(0, self.have - self.uses)

    @property
    def lacking(self) -> bool:
        """Whether there is too little."""
        return self.have is not None and self.have < self.uses

    @property
    def text(self) -> str:
        """The number and the kind: `1 gold right`."""
        return count_text(self.kind, self.uses)


def cost_lines(rfq: Rfq, balances: Balances) -> list[CostLine]:
    """Return what quoting an RFQ uses now, without a pin (RFQ-7)."""
    return [CostLine(kind, 1, balances.of(kind)) for kind in rights_needed(rfq)]


def announced_text(lines: list[CostLine]) -> str:
    """Return a cost as a form carries it: `quote,gold`."""
    return ",".join(line.kind for line in lines)


def announced_from(text: str) -> dict[str, int]:
    """Return kind → number of what a form announced; what is no kind is left out."""
    return {kind: 1 for kind in text.split(",") if kind in RightKind.values}


def count_text(kind: str, count: int) -> str:
    """Write a number of rights: `1 quote right`, `0 fast-lane passes`."""
    match kind:
        case RightKind.QUOTE:
            text = ngettext("%(count)d quote right", "%(count)d quote rights", count)
        case RightKind.GOLD:
            text = ngettext("%(count)d gold right", "%(count)d gold rights", count)
        case RightKind.FAST_LANE:
            text = ngettext("%(count)d fast-lane pass", "%(count)d fast-lane passes", count)
        case _:
            text = ngettext("%(count)d pin right", "%(count)d pin rights", count)
    return text % {"count": count}


def used_sentence(used: Mapping[str, int], left: Balances) -> str:
    """Say exactly what a quote used and what is left (RFQ-7).

    "1 quote right used (9 left), 1 gold right used (3 left), 0 fast-lane passes used (1 left)"; a pin
    right is named when one was used.
    """
    kinds = [*ALWAYS_NAMED, *([RightKind.PIN] if used.get(RightKind.PIN) else [])]
    return _(", ").join(
        _("%(rights)s used (%(left)s)")
        % {"rights": count_text(kind, used.get(kind, 0)), "left": left_text(left.of(kind))}
        for kind in kinds
    )


def left_text(left: int | None) -> str:
    """Write what is left: `9 left`, `unlimited`."""
    if left is None:
        return _("unlimited")
    # Translators: rights left, as in "(9 left)"
    return _("%(count)s left") % {"count": left}
