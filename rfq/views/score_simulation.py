"""The page on which a seller tries out other figures; nothing is saved (RFQ-19)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import Membership
from portal.errors import InvalidInput
from portal.http import MemberRequest
from portal.services.rulebooks import RulebookInForce
from portal.views.base import SellerPage
from rfq.models import ScoreOutlook
from rfq.models.scores import ScoreFields
from rfq.score.page import factor_name, reward_table, tier_text
from rfq.score.reading import ScoreStanding, figures_of, score_standing
from rfq.score.rules import Score, percent, score_of
from rfq.score.schema import Factor, QuotesBack, ScoreRules
from rfq.score.simulation import MOST_DAYS, MOST_GMV, MOST_STARS, Simulation, simulate
from rfq.score.texts import ICONS, Text, points_text, reward_lines, signed
from rfq.score.words import FACTOR_NAMES

MOST_RFQS = 100_000
RATE_STEP = Decimal("0.0001")


@dataclass(frozen=True)
class InputField:
    """One field of the form; `edges` are the tiers of its factor with their points."""

    name: str
    label: Text
    value: str
    most: str
    step: str
    hint: str
    edges: tuple[str, ...]
    error: str


@dataclass(frozen=True)
class Compared:
    """A line of the result: now, what if, and the difference in the direction of its sign."""

    label: Text
    icon: str
    now: str
    then: str
    difference: str
    direction: int


class SimulatePage(SellerPage):
    """What if: a form filled with the shop's own figures, the result beside the present score.

    The form is a GET: results can be kept as links, and trying changes nothing.
    """

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the form and, beside it, what comes out."""
        standing = score_standing(request.seller)
        today = platform_time.today()
        book = _chosen(request.GET, standing.rulebooks, today)
        if book is None:
            return render(request, "rfq/score_simulate.html", {"standing": standing, "book": None})
        own = own_figures(standing, book)
        given = {**own, **{key: request.GET[key] for key in own if key in request.GET}}
        if request.GET.get("shown") and "bonus_forfeited" not in request.GET:
            given["bonus_forfeited"] = ""
        if request.GET.get("shown", book.version) != book.version:
            _cut_points(given, book.content)
        errors: dict[str, str] = {}
        tried: Simulation | None = None
        try:
            tried = simulate(
                _as_sent(given, errors),
                seller=request.seller,
                rulebooks=standing.rulebooks,
                today=today,
            )
        except InvalidInput as refusal:
            errors |= dict(refusal.fields)
        if errors:
            tried = None
        return render(
            request,
            "rfq/score_simulate.html",
            {
                "standing": standing,
                "book": book,
                "given": given,
                "memberships": Membership.choices,
                "fields": fields(book.content, given, errors),
                "errors": errors,
                "tried": tried,
                "factors": list(compared_factors(standing.score, tried)) if tried else [],
                "rewards": list(compared_rewards(standing.score, tried)) if tried else [],
                "table": reward_table(book.content, tried.score.total if tried else None),
                "gain": tried.score.total - standing.score.total
                if tried and standing.score
                else None,
            },
        )


def _chosen(
    given: Mapping[str, str], rulebooks: tuple[RulebookInForce, ...], today: Any
) -> RulebookInForce | None:
    """Return the rulebook asked for, else the one in force, else the newest."""
    asked = given.get("rulebook", "")
    wanted = [book for book in rulebooks if book.version == asked]
    in_force = [book for book in rulebooks if book.holds_on(today)]
    return next(iter([*wanted, *in_force, *reversed(rulebooks)]), None)


def own_figures(standing: ScoreStanding, book: RulebookInForce) -> dict[str, str]:
    """Return the shop's own figures as the form takes them; ranked factors as points under `book`."""
    seller, row = standing.seller, _row_under(standing, book)
    own = {
        "rulebook": book.version,
        "membership": standing.membership,
        "assessed_star": str(seller.assessed_star),
        "bonus_forfeited": "",
        "login_days": "0",
        "quotes": "0",
        "response_rate": "0",
        "quoted": "0",
        "replied": "0",
        "gmv": "0",
        "quotes_last_month": "0",
        "free_used_percent": "0",
    }
    if row is None or standing.rulebook is None:
        return own
    counted_by = book if row.rulebook == book.version else standing.rulebook
    figures = figures_of(row, counted_by, seller, {})
    points = {each.key: each.points for each in score_of(book.content, figures).factors}
    used = min(percent(row.free_used, row.free_granted), Fraction(100))
    return own | {
        "bonus_forfeited": "1" if row.bonus_forfeited else "",
        "login_days": str(row.login_days),
        "quotes": str(points.get("quotes", 0)),
        "response_rate": str(points.get("response_rate", 0)),
        "quoted": str(row.quoted_30d),
        "replied": str(row.replied_30d),
        "gmv": str(row.gmv),
        "quotes_last_month": str(row.quotes),
        "free_used_percent": str(_floor(used)),
    }


def _row_under(standing: ScoreStanding, book: RulebookInForce) -> ScoreFields | None:
    """Return the figures counted by a rulebook where the night did that, else those of its own."""
    row = standing.row
    if row is None or standing.as_of is None or row.rulebook == book.version:
        return row
    outlooks = ScoreOutlook.objects.as_of(standing.as_of).filter(seller=standing.seller)
    return outlooks.filter(rulebook=book.version).first() or row


def _cut_points(given: dict[str, str], rules: ScoreRules) -> None:
    """Cut points typed under another rulebook to what this one gives."""
    for key in ("quotes", "response_rate"):
        factor, typed = rules.factor(key), given[key]
        if factor and typed.isascii() and typed.isdecimal() and len(typed) < 9:
            given[key] = str(min(int(typed), factor.max))


def _as_sent(given: Mapping[str, str], errors: dict[str, str]) -> dict[str, Any]:
    """Return the form as `simulate` takes it: the reply rate from its two counts."""
    counts: dict[str, int] = {}
    for name in ("replied", "quoted"):
        text = given[name].strip() or "0"
        if text.isascii() and text.isdecimal() and len(text) < 9 and int(text) <= MOST_RFQS:
            counts[name] = int(text)
        else:
            errors[name] = _("Write a whole number.")
    sent: dict[str, Any] = {key: given[key] for key in given if key not in {"replied", "quoted"}}
    if not errors and counts["replied"] > counts["quoted"]:
        errors["replied"] = _("Not more replies than RFQs quoted.")
    if not errors:
        sent["reply_rate"] = _floor(percent(counts["replied"], counts["quoted"]))
    return sent


def _floor(rate: Fraction) -> Decimal:
    """Cut a percentage to four decimals: no tier is reached that the exact rate does not reach."""
    steps = rate.numerator * 10_000 // rate.denominator
    return (Decimal(steps) * RATE_STEP).quantize(RATE_STEP, ROUND_FLOOR)


# --- The form -----------------------------------------------------------------------------------


def fields(
    rules: ScoreRules, given: Mapping[str, str], errors: Mapping[str, str]
) -> list[InputField]:
    """Return the inputs that matter under a rulebook, in the order of its factors."""
    found: list[InputField] = []

    def add(
        name: str,
        label: Text,
        most: object,
        *,
        step: str = "1",
        hint: str = "",
        edges: tuple[str, ...] = (),
    ) -> None:
        found.append(
            InputField(name, label, given[name], str(most), step, hint, edges, errors.get(name, ""))
        )

    for factor in rules.factors:
        edges = _edges(factor)
        if factor.ranked:
            hint = _("Points, because they depend on what the others do.")
            add(factor.key, factor_name(factor), factor.max, hint=hint, edges=edges)
        elif factor.key == "reply_rate":
            add("quoted", _("RFQs quoted in 30 days"), MOST_RFQS)
            add("replied", _("of them with a buyer's reply"), MOST_RFQS, edges=edges)
        elif factor.key == "gmv":
            label = _("RFQ GMV in 90 days (USD)")
            add("gmv", label, MOST_GMV, step="0.01", edges=edges)
        else:
            add(factor.key, FACTOR_NAMES[factor.key], MOST_DAYS, edges=edges)
    if any(isinstance(reward.quote, QuotesBack) for reward in rules.rewards):
        add("quotes_last_month", _("Quotes in the assessed month"), MOST_RFQS)
    if rules.gmv_bonuses:
        add("free_used_percent", _("Free quote rights used (%)"), 100, step="0.0001")
    add("assessed_star", _("Assessed star"), MOST_STARS)
    return found


def _edges(factor: Factor) -> tuple[str, ...]:
    if factor.ranked:
        return (
            _("best tenth: %(points)s") % {"points": points_text(factor.max)},
            _("others: up to %(points)s") % {"points": points_text(factor.max_other or 0)},
        )
    return tuple(
        f"{tier_text(factor.key, tier.at, above=tier.above)}: {points_text(tier.points)}"
        for tier in factor.tiers
    )


# --- The result ---------------------------------------------------------------------------------


def compared_factors(now: Score | None, tried: Simulation) -> Iterator[Compared]:
    """Yield the factors of both rulebooks, then the bonus."""
    then = tried.score
    names = {each.key: factor_name(each.factor) for each in (now.factors if now else ())}
    names = {each.key: factor_name(each.factor) for each in then.factors} | {
        key: name for key, name in names.items() if then.factor(key) is None
    }
    for key, name in names.items():
        old, new = (now.factor(key) if now else None), then.factor(key)
        yield _compare(
            name,
            ICONS[key],
            old.points if old else None,
            new.points if new else None,
        )
    bonus = now.bonus if now else None
    yield _compare(_("Bonus of verified sellers"), "award", bonus, then.bonus)


def _compare(label: Text, icon: str, now: int | None, then: int | None) -> Compared:
    difference = (then or 0) - (now or 0)
    return Compared(
        label,
        icon,
        "–" if now is None else str(now),
        "–" if then is None else str(then),
        signed(difference) if now is not None or then is not None else "",
        (difference > 0) - (difference < 0),
    )


def compared_rewards(now: Score | None, tried: Simulation) -> Iterator[Compared]:
    """Yield what both scores would bring in the month after."""
    old = list(reward_lines(now.rewards, now.marketing_bonus)) if now else []
    worth_now = {key: (text, worth) for key, _name, text, worth in old}
    for key, name, text, worth in reward_lines(tried.score.rewards, tried.score.marketing_bonus):
        before, was = worth_now.get(key, ("–", 0.0))
        direction = (worth > was) - (worth < was)
        yield Compared(name, "", before, text, "", direction)
