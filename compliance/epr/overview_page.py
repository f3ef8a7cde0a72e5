"""The EPR overview as the page shows it: matrix, countries, what to do first (EPR-11, UI-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.bilingual import registration_text
from compliance.choices import CoverState, EprCategory
from compliance.epr.shop_overview import Cell, ShopOverview
from portal.addresses import reverse
from portal.country_names import country_name
from portal.templatetags.portal_ui import day_text, number_text

STEPS_SHOWN = 5

Text = str | Promise


@dataclass(frozen=True)
class Look:
    """How a state is drawn: a tone of `status_pill`, an icon; words are the state's own."""

    tone: str
    icon: str


LOOKS: dict[CoverState, Look] = {
    CoverState.NOT_REQUIRED: Look("muted", "dash-circle"),
    CoverState.COVERED: Look("ok", "check-circle-fill"),
    CoverState.IN_REVIEW: Look("info", "hourglass-split"),
    CoverState.MISSING: Look("danger", "x-circle"),
    CoverState.REJECTED: Look("danger", "x-octagon"),
    CoverState.NOT_COVERED: Look("danger", "slash-circle"),
    CoverState.EXPIRED: Look("warn", "calendar-x"),
    CoverState.REVOKED: Look("warn", "shield-x"),
}


def products_url(country: str, category: str = "", state: str = "") -> str:
    """Return the address of the products of a cell, or of those that stop selling to a country."""
    query = {"country": country, "category": category, "state": state}
    if not category:
        query["stopping"] = "1"
    return f"{reverse('compliance:products')}?{urlencode({k: v for k, v in query.items() if v})}"


def upload_url(country: str, category: str) -> str:
    """Return the address of the upload form with country and category filled in (EPR-4)."""
    query = urlencode({"type": "epr", "country": country, "category": category})
    return f"{reverse('compliance:certificate-new')}?{query}"


def certificate_url(pk: int) -> str:
    """Return the address of a certificate."""
    return reverse("compliance:certificate", args=[pk])


@dataclass(frozen=True)
class Part:
    """The products of a cell that are in one state."""

    state: CoverState
    products: int
    look: Look
    url: str
    x: str
    width: str
    """Where its piece of the bar begins and how long it is, in percent."""

    @property
    def label(self) -> str:
        """The state in words."""
        return str(self.state.label)


@dataclass(frozen=True)
class CellView:
    """A cell with everything its corner of the page shows."""

    cell: Cell
    country: str
    name: str
    look: Look
    parts: list[Part]
    url: str
    upload_url: str

    @property
    def label(self) -> str:
        """The state of the cell in words."""
        return str(self.cell.state.label)

    @property
    def wants_number(self) -> bool:
        """Whether uploading would help: something lacks that is not waiting for review already."""
        return self.cell.lacking > self.cell.in_review

    @property
    def registers(self) -> bool:
        """Whether products lack any certificate at all: registering is what helps them."""
        return bool(self.cell.counts[CoverState.MISSING])


def cell_view(cell: Cell) -> CellView:
    """Return a cell as the page shows it."""
    order = [state for state in LOOKS if cell.counts[state]]
    parts, begun = [], 0
    for state in order:
        products = cell.counts[state]
        parts.append(
            Part(
                state,
                products,
                LOOKS[state],
                products_url(cell.country, cell.category, state.value),
                _percent(begun, cell.required),
                _percent(products, cell.required),
            )
        )
        begun += products
    return CellView(
        cell,
        country_name(cell.country),
        registration_text(cell.country, cell.category),
        LOOKS[cell.state],
        parts,
        products_url(cell.country, cell.category),
        upload_url(cell.country, cell.category),
    )


def _percent(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.2f}"


@dataclass(frozen=True)
class MatrixRow:
    """A category across countries; none where a country asks nothing of it."""

    category: EprCategory
    cells: list[tuple[str, CellView | None]]
    """Country name and cell, in the order of the columns."""

    @property
    def is_needed(self) -> bool:
        """Whether any live product belongs to the category where it is asked for."""
        return any(view and view.cell.required for _country, view in self.cells)


def matrix(overview: ShopOverview) -> list[MatrixRow]:
    """Return the table categories × countries, needed rows first (EPR-11)."""
    if overview.rules is None:
        return []
    rows = []
    for category in overview.rules.categories:
        cells = []
        for country in overview.rules.countries:
            cell = overview.cells.get((country, category.value))
            cells.append((country_name(country), cell_view(cell) if cell else None))
        rows.append(MatrixRow(category, cells))
    return sorted(rows, key=lambda row: not row.is_needed)


@dataclass(frozen=True)
class Step:
    """Something to do about a cell: what, why, by when, and where; `registers`: registering helps."""

    view: CellView
    title: str
    why: str
    when: str
    late: bool
    url: str
    button: str
    registers: bool


def steps(overview: ShopOverview) -> list[Step]:
    """Return what to do about numbers that lack, what has to begin first at the top (UI-2)."""
    wanting = [cell for cell in overview.lacking if cell.lacking > cell.in_review]
    # Stable: of those that have to begin by the same day, what concerns most products comes first.
    wanting.sort(key=lambda cell: cell.register_before or date.max)
    return [_step(cell) for cell in wanting]


def _step(cell: Cell) -> Step:
    view = cell_view(cell)
    titles: dict[CoverState, str] = {
        CoverState.REJECTED: _("Correct what was rejected: %(name)s"),
        CoverState.NOT_COVERED: _("Let the number cover all its products: %(name)s"),
        CoverState.EXPIRED: _("Upload the renewed number: %(name)s"),
        CoverState.REVOKED: _("Upload a number that counts: %(name)s"),
    }
    gravest = _most_frequent(cell)
    rejected = gravest == CoverState.REJECTED
    return Step(
        view,
        titles.get(gravest, _("Get the number: %(name)s")) % {"name": view.name},
        losing_text(cell),
        lead_text(cell) if view.registers else "",
        view.registers and cell.too_late_to_register,
        reverse("compliance:certificates") if rejected else view.upload_url,
        _("Correct it") if rejected else _("Upload the number"),
        view.registers,
    )


def _most_frequent(cell: Cell) -> CoverState:
    """Return the state in which most of the lacking products are, review aside."""
    states = [state for state in LOOKS if state not in (CoverState.COVERED, CoverState.IN_REVIEW)]
    return max(states, key=lambda state: cell.counts[state])


def losing_text(cell: Cell) -> str:
    """Say what lacking the number costs: products that stop selling, or have stopped."""
    n = cell.lacking
    values = {"n": number_text(n), "country": country_name(cell.country)}
    end = cell.requirement.interrupts_on
    if end is None:
        text = ngettext(
            "%(n)s live product needs it to sell to %(country)s.",
            "%(n)s live products need it to sell to %(country)s.",
            n,
        )
        return text % values
    values["day"] = day_text(end)
    if cell.interrupts_at is not None and cell.interrupts_at <= cell.at:
        # Translators: 已打断交易
        text = ngettext(
            "%(n)s live product is blocked for %(country)s since %(day)s.",
            "%(n)s live products are blocked for %(country)s since %(day)s.",
            n,
        )
    else:
        # Translators: 将打断交易
        text = ngettext(
            "%(n)s live product stops selling to %(country)s on %(day)s.",
            "%(n)s live products stop selling to %(country)s on %(day)s.",
            n,
        )
    return text % values


def lead_text(cell: Cell) -> str:
    """Say how long registering takes and by when it has to begin (EPR-9)."""
    least, most = cell.requirement.weeks
    values: dict[str, object] = {"least": least, "most": most}
    by = cell.register_before
    if by is None:
        return _("Registering takes %(least)s–%(most)s weeks.") % values
    values["day"] = day_text(by)
    if cell.too_late_to_register:
        text = _(
            "Registering takes %(least)s–%(most)s weeks: it should have begun before %(day)s,"
            " so begin today."
        )
    else:
        text = _("Register before %(day)s: it takes %(least)s–%(most)s weeks.")
    return text % values
