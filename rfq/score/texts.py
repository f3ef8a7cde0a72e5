"""The score in sentences: values, rewards, definitions, advice of the briefings (RFQ-16, RFQ-19)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.templatetags.portal_ui import number_text
from rfq.choices import RightKind
from rfq.score.rules import FactorResult, Rewards
from rfq.score.schema import Factor, QuotesBack, Reward
from rfq.score.words import money_text, rate_text

Text = str | Promise

WINDOWS: dict[str, Text] = {
    "month": gettext_lazy("this month so far"),
    "days_30": gettext_lazy("last 30 days"),
    "days_90": gettext_lazy("last 90 days"),
}
ICONS = {
    "login_days": "calendar-check",
    "quotes": "send",
    "response_rate": "stopwatch",
    "reply_rate": "chat-left-text",
    "gmv": "cash-coin",
}


# --- Values -------------------------------------------------------------------------------------


def value_text(key: str, value: Decimal | None) -> str:
    """Write a factor's value with its unit; a dash when there is none."""
    if value is None:
        return "–"
    if key == "gmv":
        return money_text(value)
    if key in {"reply_rate", "response_rate"}:
        return rate_text(value)
    count = int(value)
    if key == "login_days":
        text = ngettext("%(number)s day", "%(number)s days", count)
    else:
        text = ngettext("%(number)s quote", "%(number)s quotes", count)
    return text % {"number": number_text(count)}


def counts_text(result: FactorResult) -> str:
    """Say what a rate is made of: "20 of 40 quotes within 24 hours"; empty for other factors."""
    part, whole = result.figures.part, result.figures.whole
    if part is None or whole is None:
        return ""
    numbers = {
        "part": number_text(part),
        "whole": number_text(whole),
        "hours": result.factor.hours,
    }
    if result.key == "response_rate":
        text = ngettext(
            "%(part)s of %(whole)s quote within %(hours)s hours",
            "%(part)s of %(whole)s quotes within %(hours)s hours",
            whole,
        )
    else:
        text = ngettext(
            "%(part)s of %(whole)s RFQ quoted got a reply",
            "%(part)s of %(whole)s RFQs quoted got a reply",
            whole,
        )
    return text % numbers


def points_text(points: int) -> str:
    """Write points: `12 points`."""
    return ngettext("%(n)s point", "%(n)s points", points) % {"n": points}


def signed(difference: int) -> str:
    """Write a difference with its sign: `+12`, `−3`, `±0`."""
    if not difference:
        return "±0"
    return f"+{difference}" if difference > 0 else f"−{-difference}"


# --- Rewards ------------------------------------------------------------------------------------

RIGHT_NAMES: dict[str, Text] = {
    RightKind.QUOTE: gettext_lazy("Quote rights"),
    RightKind.GOLD: gettext_lazy("Gold-opportunity rights"),
    RightKind.FAST_LANE: gettext_lazy("Fast-lane passes"),
    RightKind.PIN: gettext_lazy("Pin rights"),
}


def amount_text(amount: int | None) -> str:
    """Write a number of rights; none is unlimited, zero a dash."""
    if amount is None:
        return _("Unlimited")
    return number_text(amount) if amount else "–"


def quote_amount_text(reward: Reward) -> str:
    """Write the quote rights of a row of the table, which may depend on last month's quotes."""
    if isinstance(reward.quote, QuotesBack):
        return _("as many as quotes, %(least)s to %(most)s") % {
            "least": reward.quote.least,
            "most": reward.quote.most,
        }
    return amount_text(None if reward.quote == "unlimited" else reward.quote)


def yes_no(value: bool) -> str:
    """Write a yes or a dash."""
    return _("Yes") if value else "–"


def reward_lines(rewards: Rewards, marketing_bonus: int) -> Iterator[tuple[str, Text, str, float]]:
    """Yield key, name, text and a number to compare for everything a score brings."""
    for kind, amount in rewards.amounts().items():
        worth = float("inf") if amount is None else float(amount)
        yield kind, RIGHT_NAMES[kind], amount_text(amount), worth
    early = rewards.early_access
    # Translators: 银牌商机提前报价权
    yield "early_access", _("Early access to silver RFQs"), yes_no(early), float(early)
    bonus = f"+{marketing_bonus}" if marketing_bonus else "–"
    # Translators: 星等级营销分
    yield "marketing_bonus", _("Marketing points of the star level"), bonus, float(marketing_bonus)


# --- How it is counted, and how to raise it -----------------------------------------------------


def definition(factor: Factor) -> str:
    """Say how a factor is counted (RFQ-16)."""
    texts = {
        "login_days": _("Days on which somebody of the shop signed in."),
        "quotes": _(
            "Quote rights used this month, wherever they came from. Quotes whose rights were given "
            "back do not count."
        ),
        "response_rate": _(
            "Own quotes sent within %(hours)s hours of the RFQ's posting, divided by all own quotes "
            "of the month."
        ),
        "reply_rate": _(
            "RFQs you quoted in the last 30 days whose buyer replied, divided by all RFQs you quoted "
            "in the last 30 days."
        ),
        "gmv": _(
            "Money received in the last 90 days on orders of buyers you had quoted in the three "
            "years before the order. Repeat orders count; unpaid drafts and fake trades do not."
        ),
    }
    text = texts[factor.key] % {"hours": factor.hours}
    if factor.ranked:
        text += " " + _(
            "Compared with sellers of your industry: the best tenth gets %(max)s points, the others "
            "up to %(other)s by rank."
        ) % {"max": factor.max, "other": factor.max_other}
    return text


def tips(key: str) -> list[str]:
    """Return the advice of the merchant briefings on a factor."""
    return {
        "login_days": [_("Look at the market every working day: new RFQs come around the clock.")],
        "quotes": [
            _("Save a search for what you make and quote the newest RFQs first."),
            _("More quote rights: the GMV challenge, activities and paid packs."),
        ],
        "response_rate": [
            _("Search RFQs posted within a day; the first quotes stand at the top for the buyer."),
            _("Quotes sent within 1 hour get replies most easily."),
            _("Look for US buyers from 9:00 to 10:00, for European ones from 16:00 to 18:00 (China time)."),
        ],
        "reply_rate": [
            _("Answer what was asked, show your price advantage, introduce the company."),
            _("Introduce it by six elements: years, yearly output, capacity, customization, "
              "brands served, certificates."),
            _("Follow up the day after quoting, a week later, and whenever the buyer has looked."),
        ],
        "gmv": [
            _("Draft the trade-assurance order from “My quotes”, so that it is linked to its RFQ."),
            _("For other orders enter the buyer's e-mail and import the quotes of the last 3 years."),
        ],
    }[key]  # fmt: skip
