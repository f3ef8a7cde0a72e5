"""Reads what a seller tries out, for the page and the API alike; saves nothing (RFQ-19)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from portal.choices import Membership
from portal.errors import InvalidInput
from portal.ingest.columns import CellError, safe_text
from portal.models import Seller
from portal.services.rulebooks import RulebookInForce
from rfq.score.rules import Score, SimulatedFigures, score_of

LONGEST = 60
MOST_GMV = Decimal(1_000_000_000)
MOST_QUOTES = 100_000
MOST_DAYS = 31
MOST_STARS = 5
RATE_PLACES, MONEY_PLACES = 4, 2
_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


@dataclass(frozen=True)
class Simulation:
    """What is tried out, under which rulebook, and what comes out."""

    rulebook: RulebookInForce
    figures: SimulatedFigures
    score: Score


class _Reader:
    """Takes values out of what was sent and collects what is wrong with them."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given
        self.errors: list[tuple[str, str]] = []

    def text(self, name: str, default: str) -> str:
        raw = self.given.get(name)
        if raw is None or raw == "":
            return default
        if not isinstance(raw, str):
            self.errors.append((name, _("Write a text.")))
            return default
        try:
            return safe_text(raw, LONGEST)
        except CellError as error:
            self.errors.append((name, str(error)))
            return default

    def choice(self, name: str, default: str, known: list[str]) -> str:
        found = self.text(name, default)
        if found in known:
            return found
        self.errors.append((name, _("Choose one of: %(known)s.") % {"known": ", ".join(known)}))
        return default

    def flag(self, name: str) -> bool:
        raw = self.given.get(name)
        if raw is None or isinstance(raw, bool):
            return bool(raw)
        word = str(raw).strip().casefold()
        if word in _TRUE | _FALSE | {""}:
            return word in _TRUE
        self.errors.append((name, _("Write true or false.")))
        return False

    def number(self, name: str, most: Decimal, *, places: int, default: Decimal) -> Decimal:
        raw = self.given.get(name)
        if raw is None or raw == "":
            return default
        value = _number(raw)
        if value is None:
            self.errors.append((name, _("Write a number.")))
        elif not 0 <= value <= most:
            self.errors.append((name, _("Write a number from 0 to %(most)s.") % {"most": most}))
        elif value != round(value, places):
            message = (
                _("Write a number with at most %(places)s decimals.") % {"places": places}
                if places
                else _("Write a whole number.")
            )
            self.errors.append((name, message))
        else:
            return value
        return default

    def whole(self, name: str, most: int, default: int = 0) -> int:
        return int(self.number(name, Decimal(most), places=0, default=Decimal(default)))


def _number(raw: Any) -> Decimal | None:
    """Return a number of JSON or of a form; none for anything else, endless ones included."""
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str, Decimal)):
        return None
    text = str(raw).strip().replace(",", "")
    # `Decimal` also reads 1_0, NaN and digits of other scripts.
    if len(text) > LONGEST or not text.isascii() or "_" in text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def simulate(
    given: Mapping[str, Any],
    *,
    seller: Seller,
    rulebooks: tuple[RulebookInForce, ...],
    today: date,
) -> Simulation:
    """Return the score of what was sent (RFQ-19).

    `rulebook` is a version (default: in force today), `membership` and `assessed_star` the shop's own
    by default, everything else zero. `quotes` and `response_rate` are points from 0 to what the
    rulebook's factor gives, `reply_rate` and `free_used_percent` percent, `gmv` USD, `login_days`
    days. Raises `InvalidInput` naming the fields.
    """
    reader = _Reader(given)
    rulebook = _rulebook(reader, rulebooks, today)
    if rulebook is None:
        raise InvalidInput(reader.errors)
    figures = _figures(reader, rulebook, seller)
    if reader.errors:
        raise InvalidInput(reader.errors)
    return Simulation(rulebook, figures, score_of(rulebook.content, figures))


def _rulebook(
    reader: _Reader, rulebooks: tuple[RulebookInForce, ...], today: date
) -> RulebookInForce | None:
    in_force = next((book.version for book in rulebooks if book.holds_on(today)), "")
    wanted = reader.choice("rulebook", in_force, [book.version for book in rulebooks])
    return next((book for book in rulebooks if book.version == wanted), None)


def _figures(reader: _Reader, rulebook: RulebookInForce, seller: Seller) -> SimulatedFigures:
    def points(key: str) -> int:
        factor = rulebook.content.factor(key)
        return reader.whole(key, factor.max) if factor else 0

    zero = Decimal(0)
    return SimulatedFigures(
        membership=reader.choice("membership", seller.membership, Membership.values),
        assessed_star=reader.whole("assessed_star", MOST_STARS, seller.assessed_star),
        login_days=reader.whole("login_days", MOST_DAYS),
        quotes_points=points("quotes"),
        response_rate_points=points("response_rate"),
        reply_rate=reader.number("reply_rate", Decimal(100), places=RATE_PLACES, default=zero),
        gmv=reader.number("gmv", MOST_GMV, places=MONEY_PLACES, default=zero),
        quotes_last_month=reader.whole("quotes_last_month", MOST_QUOTES),
        free_used_percent=reader.number(
            "free_used_percent", Decimal(100), places=RATE_PLACES, default=zero
        ),
        bonus_forfeited=reader.flag("bonus_forfeited"),
    )
