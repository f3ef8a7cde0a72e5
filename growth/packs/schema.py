"""What a task pack may say: checked and brought into one form, whoever wrote it (GRO-5, GRO-6).

`clean_pack` takes what upstream, staff or the shipped files say and returns the pack in the form it is
stored in, with every mistake at its field and its place: "[1].metric: There is no metric …".
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django.utils.text import slugify
from django.utils.translation import gettext as _

from growth.choices import Operator, PackEdition, RewardKind
from growth.tasks.rules import TaskRule
from portal.audience import audience_errors, condition_holds
from portal.choices import Membership

Problems = list[tuple[str, str]]
"""(field, message)."""

_CODE = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_RULE_LENGTH = 160
_MOST = {"tasks": 50, "rewards": 20, "choices": 50, "amount": 1_000_000, "months": 60}
_LARGEST = Decimal(10) ** 12

WORDS = {"title_en": 120, "title_zh": 120, "rules_en": 20_000, "rules_zh": 20_000}
"""What only words a pack, with the most characters."""
FIELDS = (
    "code",
    *WORDS,
    "edition",
    "audience",
    "opens_on",
    "closes_on",
    "frozen_on",
    "quota",
    "published",
)
TASK_RULE = ("key", "metric", "op", "value")
TASK_WORDS = {"title_en": 200, "title_zh": 200, "guide_en": 5_000, "guide_zh": 5_000, "page": 80}
REWARD_FIELDS = (
    "key",
    "kind",
    "title_en",
    "title_zh",
    "choices",
    "amount",
    "programme",
    "valid_months",
    "usable_months",
)
VALID_MONTHS = {
    RewardKind.TOOL_COUPON: 1,
    RewardKind.SHOWCASE_SLOTS: 2,
    RewardKind.PROGRAMME_PLACE: 1,
}
USABLE_MONTHS = 3
_ALIASES = {
    "title": "title_en",
    "name": "title_en",
    "name_en": "title_en",
    "name_zh": "title_zh",
    "type": "kind",
    "tools": "choices",
    "options": "choices",
    "count": "amount",
}
"""Other names by which upstream systems call the same thing."""
_KINDS = {
    "coupon": RewardKind.TOOL_COUPON,
    "tool": RewardKind.TOOL_COUPON,
    "showcase": RewardKind.SHOWCASE_SLOTS,
    "slots": RewardKind.SHOWCASE_SLOTS,
    "programme": RewardKind.PROGRAMME_PLACE,
    "place": RewardKind.PROGRAMME_PLACE,
}


def clean_pack(data: Mapping[str, Any]) -> tuple[dict[str, Any], Problems]:
    """Return a whole pack as it is stored, and what is wrong with it (GRO-6).

    `data` names every field of `FIELDS`, `tasks` and `rewards`; days are days already. The pack is of use
    only when nothing is wrong.
    """
    problems: Problems = []
    clean = {name: data.get(name) for name in FIELDS}
    for name, most in WORDS.items():
        clean[name], found = _words(name, clean[name], most)
        problems += [(name, text.partition(": ")[2]) for text in found]
    if not _CODE.fullmatch(str(clean["code"] or "")):
        problems.append(("code", _("Use letters, digits, hyphens and underscores only.")))
    if not clean["title_en"]:
        problems.append(("title_en", _("A pack has a title.")))
    clean["audience"] = clean["audience"] or []
    clean["published"] = clean["published"] is not False
    mistakes = audience_errors(clean["audience"])
    problems += [("audience", text) for text in mistakes]
    if not clean["edition"]:
        clean["edition"] = _edition_of([] if mistakes else clean["audience"])
    if clean["edition"] not in PackEdition.values:
        problems.append(("edition", _one_of(clean["edition"], PackEdition.values)))
    problems += _window_problems(clean)
    if clean["quota"] is not None and clean["quota"] < 1:
        problems.append(("quota", _("Write at least one place, or nothing for no limit.")))
    for name, each in (("tasks", clean_task), ("rewards", clean_reward)):
        clean[name], found = _clean_all(name, data.get(name), each)
        problems += [(name, text) for text in found]
    if not data.get("tasks"):
        problems.append(("tasks", _("A pack has at least one task.")))
    return clean, problems


def _edition_of(audience: Any) -> str:
    """Return the edition of a pack that does not say: verified sellers' own when no basic one may join.

    The audience is valid.
    """
    is_own = any(
        condition.get("field") == "membership"
        and not condition_holds(condition, Membership.BASIC.value)
        for condition in audience
    )
    return PackEdition.VERIFIED if is_own else PackEdition.GENERAL


def _window_problems(pack: Mapping[str, Any]) -> Problems:
    opens_on, closes_on, frozen_on = pack["opens_on"], pack["closes_on"], pack["frozen_on"]
    problems: Problems = []
    for name in ("opens_on", "closes_on"):
        if not isinstance(pack[name], date):
            problems.append((name, _("A pack has a first and a last day.")))
    if problems:
        return problems
    if closes_on < opens_on:
        problems.append(("closes_on", _("The last day lies before the first.")))
    elif frozen_on is not None and frozen_on > closes_on:
        problems.append(("frozen_on", _("The list is closed after the last day.")))
    return problems


def _clean_all(
    name: str, given: Any, clean: Callable[[Any, int], tuple[dict[str, Any], list[str]]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the cleaned parts of a list and what is wrong with them, with their places."""
    if given is None:
        given = []
    if not isinstance(given, list):
        return [], [_("Write a list.")]
    if len(given) > _MOST[name]:
        return [], [_("At most %(most)d are allowed.") % {"most": _MOST[name]}]
    cleaned, problems = [], []
    seen: set[str] = set()
    for position, one in enumerate(given):
        part, found = clean(one, position)
        key = part.get("key", "")
        if key and key in seen:
            found.append(_("key: “%(key)s” is given twice.") % {"key": key})
        seen.add(key)
        problems += [f"[{position}] {text}" for text in found]
        cleaned.append(part)
    return cleaned, problems


# --- Tasks --------------------------------------------------------------------------------------


def clean_task(given: Any, position: int) -> tuple[dict[str, Any], list[str]]:
    """Return a task as it is stored, and what is wrong with it (GRO-5)."""
    if not isinstance(given, Mapping):
        return {}, [_("A task is an object with key, metric, op and value.")]
    given = _renamed(given)
    problems = _unknown_keys(given, (*TASK_RULE, *TASK_WORDS))
    missing = [name for name in TASK_RULE if given.get(name) in (None, "")]
    if missing:
        return {}, [*problems, _("%(names)s is missing.") % {"names": ", ".join(missing)}]
    task: dict[str, Any] = {name: given[name] for name in ("key", "metric", "op")}
    task["value"], found = _target(given["op"], given["value"])
    problems += found
    task["key"] = str(given["key"])
    if not _CODE.fullmatch(task["key"]):
        problems.append(_("key: use letters, digits, hyphens and underscores only."))
    if not found:
        problems += _rule_problems(task)
    for name, most in TASK_WORDS.items():
        task[name], found = _words(name, given.get(name), most)
        problems += found
    return task, problems


def _rule_problems(task: Mapping[str, Any]) -> list[str]:
    condition = {"metric": task["metric"], "op": task["op"], "value": task["value"]}
    found = [text.partition("] ")[2] for text in audience_errors([condition])]
    if found:
        return found
    if len(TaskRule.of(condition).code) > _RULE_LENGTH:
        return [_("value: the list is too long.")]
    return []


def _target(op: Any, given: Any) -> tuple[Any, list[str]]:
    """Return a target as plain numbers: one, or a list for `in`."""
    if isinstance(given, list) != (op == Operator.IN):
        return given, [_("value: “in” takes a list, every other comparison one number.")]
    numbers = [_number(one) for one in given] if isinstance(given, list) else [_number(given)]
    if not numbers or None in numbers:
        return given, [_("value: write a number with at most four decimals.")]
    return (numbers if isinstance(given, list) else numbers[0]), []


def _number(given: Any) -> int | float | None:
    """Return a number JSON can hold, or none; digits in quotes are a number too."""
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        return None
    if isinstance(given, float) and not math.isfinite(given):
        return None
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) >= _LARGEST or round(value, 4) != value:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


# --- Rewards ------------------------------------------------------------------------------------


def clean_reward(given: Any, position: int) -> tuple[dict[str, Any], list[str]]:
    """Return a reward as it is stored, and what is wrong with it (GRO-8).

    Upstream systems describe rewards in their own ways, so what can be understood is: a plain text is a
    coupon of that name, what an object leaves out follows from the rest, a kind nobody knows is a coupon
    that bears its name, and further keys are passed over. What looks like a known word misspelt is not.
    """
    if isinstance(given, str):
        given = {"title_en": given}
    if not isinstance(given, Mapping) or not given:
        return {}, [_("A reward is a text or an object such as {“kind”: “tool_coupon”}.")]
    given = _renamed(given)
    problems = _misspelt_keys(given, REWARD_FIELDS)
    kind, found = _kind(given)
    problems += found
    reward: dict[str, Any] = {"kind": kind.value}
    title = given.get("title_en") or _title_of(kind, given)
    reward["title_en"], found = _words("title_en", title, 200)
    problems += found
    reward["title_zh"], found = _words("title_zh", given.get("title_zh"), 200)
    problems += found
    reward["choices"], found = _clean_choices(given.get("choices"))
    problems += found
    key = given.get("key") or slugify(reward["title_en"])[:60] or f"reward-{position + 1}"
    if not _CODE.fullmatch(str(key)):
        problems.append(_("key: use letters, digits, hyphens and underscores only."))
    reward["key"] = str(key)
    programme = str(given.get("programme") or "")
    if programme and not _CODE.fullmatch(programme):
        problems.append(_("programme: use letters, digits, hyphens and underscores only."))
    reward["programme"] = programme
    for name, default, most in (
        ("amount", 1, _MOST["amount"]),
        ("valid_months", VALID_MONTHS[kind], _MOST["months"]),
        ("usable_months", USABLE_MONTHS, _MOST["months"]),
    ):
        reward[name] = _number(given[name]) if given.get(name) not in (None, "") else default
        if not isinstance(reward[name], int) or not 1 <= reward[name] <= most:
            problems.append(
                _("%(name)s: write a whole number from 1 to %(most)d.")
                % {"name": name, "most": most}
            )
    return reward, problems


def _kind(given: Mapping[str, Any]) -> tuple[RewardKind, list[str]]:
    said = str(given.get("kind") or "").strip()
    if not said:
        return (
            RewardKind.PROGRAMME_PLACE if given.get("programme") else RewardKind.TOOL_COUPON
        ), []
    known = said.casefold().replace("-", "_").replace(" ", "_")
    if known in RewardKind.values:
        return RewardKind(known), []
    if known in _KINDS:
        return _KINDS[known], []
    nearest = difflib.get_close_matches(known, RewardKind.values, n=1, cutoff=0.75)
    if nearest:
        return RewardKind(nearest[0]), [f"kind: {_one_of(said, RewardKind.values)}"]
    return RewardKind.TOOL_COUPON, []


def _title_of(kind: RewardKind, given: Mapping[str, Any]) -> str:
    """Return words for a reward without a title: its key, else its kind, as in "Showcase slots"."""
    said = str(given.get("kind") or "").strip()
    is_own = said and kind == RewardKind.TOOL_COUPON and said.casefold() not in _KINDS
    words = str(given.get("key") or (said if is_own else kind.value))
    return words.replace("_", " ").replace("-", " ").strip().capitalize()


def _clean_choices(given: Any) -> tuple[list[dict[str, str]], list[str]]:
    """Return the tools of a coupon; a plain text is a tool of that name."""
    if given in (None, ""):
        return [], []
    if not isinstance(given, list) or len(given) > _MOST["choices"]:
        return [], [_("choices: write a list of at most %(most)d.") % {"most": _MOST["choices"]}]
    tools, problems = [], []
    seen: set[str] = set()
    for position, one in enumerate(given):
        tool, found = _clean_tool(one, position)
        if tool["code"] in seen:
            found.append(_("code “%(code)s” is given twice.") % {"code": tool["code"]})
        seen.add(tool["code"])
        tools.append(tool)
        problems += [f"choices[{position}] {text}" for text in found]
    return tools, problems


def _clean_tool(given: Any, position: int) -> tuple[dict[str, str], list[str]]:
    if isinstance(given, str):
        given = {"name_en": given}
    if not isinstance(given, Mapping):
        return {"code": f"tool-{position + 1}"}, [_("A tool is a text or an object.")]
    problems = _misspelt_keys(given, ("code", "name", "name_en", "name_zh", "url"))
    name, found = _words("name_en", given.get("name_en") or given.get("name"), 120)
    problems += found
    chinese, found = _words("name_zh", given.get("name_zh"), 120)
    problems += found
    code = str(given.get("code") or slugify(name)[:60] or f"tool-{position + 1}")
    if not _CODE.fullmatch(code):
        problems.append(_("code: use letters, digits, hyphens and underscores only."))
    url = str(given.get("url") or "")
    if url and not _is_link(url):
        problems.append(_("url: write an address that begins with https://."))
    return {"code": code, "name_en": name or code, "name_zh": chinese, "url": url}, problems


def _is_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and len(url) <= 500


# --- Small things -------------------------------------------------------------------------------


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object with other names for the same thing replaced; the right name goes first."""
    named = dict(given)
    for other, name in _ALIASES.items():
        if other in named:
            value = named.pop(other)
            named.setdefault(name, value)
    return named


def _unknown_keys(given: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    known = tuple(known)
    return [_one_of(name, known) for name in given if name not in known]


def _misspelt_keys(given: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    known = tuple(known)
    return [
        _one_of(name, known)
        for name in given
        if name not in known and difflib.get_close_matches(str(name), known, n=1, cutoff=0.8)
    ]


def _one_of(given: Any, known: Iterable[str]) -> str:
    known = list(known)
    nearest = difflib.get_close_matches(str(given), known, n=3, cutoff=0.5) or known
    return _("“%(value)s” is not known here. Nearest: %(nearest)s.") % {
        "value": given,
        "nearest": ", ".join(nearest),
    }


def _words(name: str, given: Any, most: int) -> tuple[str, list[str]]:
    if given is None:
        return "", []
    if not isinstance(given, (str, int, float)) or isinstance(given, bool):
        return "", [_("%(name)s: write a text.") % {"name": name}]
    text = str(given).strip()
    if len(text) > most:
        return text[:most], [
            _("%(name)s: at most %(most)d characters.") % {"name": name, "most": most}
        ]
    return text, []
