"""The service score in words: names of factors, and what closes the gap to the next row (RFQ-19)."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.templatetags.portal_ui import number_text
from rfq.score.rules import FactorResult, NextStep

FACTOR_NAMES = {
    # Translators: RFQ登录天数
    "login_days": gettext_lazy("Login days"),
    # Translators: 本月报价数
    "quotes": gettext_lazy("Quotes this month"),
    # Translators: 报价响应率
    "response_rate": gettext_lazy("Response rate"),
    # Translators: 买家回复率
    "reply_rate": gettext_lazy("Buyer reply rate"),
    # Translators: RFQ实收GMV
    "gmv": gettext_lazy("RFQ GMV"),
}


def money_text(amount: Decimal | int) -> str:
    """Write USD: `US$1,234.50`, without cents when there are none."""
    return f"US${number_text(amount, 0 if amount == int(amount) else 2)}"


def rate_text(rate: Decimal) -> str:
    """Write a percentage with the decimals it needs: `30 %`, `29.99 %`."""
    return f"{number_text(rate, 0 if rate == int(rate) else 2)}%"


def next_text(result: FactorResult) -> str:
    """Return what closes the gap: "3 more replies → 30 %, +12 points"; empty at the end."""
    step = result.next
    if step is None:
        return ""
    goal = goal_text(result.key, step.at, above=step.above)
    gain = ngettext("+%(gain)s point", "+%(gain)s points", step.gain) % {"gain": step.gain}
    if step.needed is None:
        # Translators: goal and gain, e.g. "30 %, +12 points"
        return _("%(goal)s, %(gain)s") % {"goal": goal, "gain": gain}
    return _("%(step)s → %(goal)s, %(gain)s") % {
        "step": _step_text(result, step),
        "goal": goal,
        "gain": gain,
    }


def goal_text(key: str, at: Decimal, *, above: bool = False) -> str:
    """Return a threshold with its unit: "30 %", "US$5,000", "above 0 %"."""
    number = number_text(at)
    if key in {"reply_rate", "response_rate"}:
        text = rate_text(at)
    elif key == "gmv":
        text = money_text(at)
    elif key == "login_days":
        text = ngettext("%(number)s day", "%(number)s days", int(at)) % {"number": number}
    else:
        text = ngettext("%(number)s quote", "%(number)s quotes", int(at)) % {"number": number}
    return _("above %(goal)s") % {"goal": text} if above else text


def _step_text(result: FactorResult, step: NextStep) -> str:
    needed = step.needed or 0
    number = number_text(needed)
    count = int(needed)
    if result.key == "gmv" and step.above and not step.at:
        # Above nothing: whatever is paid first will do, not a cent more.
        return _("A first payment received")
    if result.key == "gmv":
        return _("%(amount)s more received") % {"amount": money_text(Decimal(needed))}
    if result.key == "login_days":
        text = ngettext("%(number)s more login day", "%(number)s more login days", count)
    elif result.key == "reply_rate":
        text = ngettext("%(number)s more reply", "%(number)s more replies", count)
    elif result.key == "response_rate":
        text = ngettext("%(number)s more quote in time", "%(number)s more quotes in time", count)
    else:
        text = ngettext("%(number)s more quote", "%(number)s more quotes", count)
    return text % {"number": number}
