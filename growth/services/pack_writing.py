"""Writing task packs: from upstream, by staff, from the shipped files; one way for all (GRO-6).

| function | for |
|---|---|
| `packs_write(*, rows, actor)` | many at once, from ingest; reports each row's outcome |
| `pack_save(*, actor, data, pack)` | one pack, from the admin; raises `InvalidInput` and `Refusal` |

Shops act on what a pack says, so once one has claimed it only its words change, and what does them good:
a longer window, more places. When the last day has been counted even these stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from growth.choices import PackEdition
from growth.models import Pack, PackClaim, PackListing, PackReward, PackTask
from growth.packs.schema import FIELDS, REWARD_FIELDS, TASK_RULE, TASK_WORDS, Problems, clean_pack
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import User
from portal.scoping import unscoped
from portal.services import audit

CREATED, UPDATED, UNCHANGED, REJECTED = "created", "updated", "unchanged", "rejected"
TASK_FIELDS = (*TASK_RULE, *TASK_WORDS)
BATCH = 500


@dataclass
class PackOutcome:
    """What became of one row: `state` is `created`, `updated`, `unchanged` or `rejected`."""

    code: str
    state: str
    errors: Problems = field(default_factory=list)
    pack: Any = None
    """The pack as it is now; none when rejected."""


def packs_write(
    *, rows: Sequence[Mapping[str, Any]], actor: User | None = None
) -> list[PackOutcome]:
    """Create or change packs by code, good rows only; return each row's outcome in order (GRO-6).

    A row names what it says (`pack_schema.FIELDS`, `tasks`, `rewards`); what it leaves out stays. A constant
    number of statements. Of two rows with one code the later is rejected.
    """
    with unscoped(), transaction.atomic():
        return _Writing(rows, actor).run()


def pack_save(*, actor: User, data: Mapping[str, Any], pack: Pack | None = None) -> Pack:
    """Create a pack, or change one, and return it (GRO-6).

    Raises `NotAllowed`, `InvalidInput` naming the fields at fault, and `Refusal` (`claimed`, `settled`) for
    what can no longer change.
    """
    needed = "growth.change_pack" if pack else "growth.add_pack"
    if not actor.has_perm(needed):
        raise NotAllowed(_("You may not change task packs."))
    row = {**data, "code": pack.code if pack else str(data.get("code") or "").strip()}
    with unscoped(), transaction.atomic():
        writing = _Writing([row], actor)
        if pack is None and row["code"] in writing.stored:
            raise InvalidInput([("code", _("There is already a pack with this code."))])
        [outcome] = writing.run()
    if outcome.state == REJECTED:
        kept = writing.kept.get(outcome.code)
        if kept:
            raise Refusal(kept, str(_FIXED[kept]), fields=outcome.errors)
        raise InvalidInput(outcome.errors)
    saved: Pack = outcome.pack
    return saved


def pack_said(pack: Pack) -> dict[str, Any]:
    """Return what a stored pack says, in the form `clean_pack` gives; reads its parts."""
    said = {name: getattr(pack, name) for name in FIELDS}
    said["edition"] = PackEdition(pack.edition)
    said["tasks"] = [
        {name: getattr(task, name) for name in TASK_FIELDS} for task in pack.tasks.all()
    ]
    said["rewards"] = [
        {name: getattr(reward, name) for name in REWARD_FIELDS} for reward in pack.rewards.all()
    ]
    return said


# --- What stays ---------------------------------------------------------------------------------

_FIXED = {
    "claimed": gettext_lazy("Shops have claimed this pack; publish another one instead."),
    "settled": gettext_lazy(
        "The last day of this pack has been counted; publish another one instead."
    ),
}


def fixed_problems(
    before: Mapping[str, Any], after: Mapping[str, Any], *, settled: bool
) -> Problems:
    """Return which changes of a claimed pack are refused; `settled`: its last day was counted."""
    problems: Problems = []

    def stays(name: str, text: str) -> None:
        problems.append((name, text))

    for name in ("audience", "frozen_on", "edition"):
        if before[name] != after[name]:
            stays(name, _("It decided who may claim and what they were promised; it stays."))
    if _rules_of(before) != _rules_of(after):
        stays("tasks", _("Shops have begun these tasks: only their words may change."))
    if not _keeps_rewards(before, after):
        stays("rewards", _("Shops were promised these rewards: only their words may change."))
    if not after["published"]:
        stays("published", _("Shops have claimed it, so it stays published."))
    if after["opens_on"] > before["opens_on"] or (
        settled and after["opens_on"] != before["opens_on"]
    ):
        stays("opens_on", _("The window may not become shorter."))
    if after["closes_on"] < before["closes_on"]:
        stays("closes_on", _("The window may not become shorter."))
    elif settled and after["closes_on"] != before["closes_on"]:
        stays("closes_on", _("The last day has been counted."))
    if _fewer(before["quota"], after["quota"]) or (settled and before["quota"] != after["quota"]):
        stays("quota", _("The number of places may only grow, until the last day is counted."))
    return problems


def _rules_of(said: Mapping[str, Any]) -> set[tuple[Any, ...]]:
    return {(task["key"], task["metric"], task["op"], str(task["value"])) for task in said["tasks"]}


def _keeps_rewards(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Tell whether rewards are the same but for words, and no tool is gone."""
    now = {reward["key"]: reward for reward in after["rewards"]}
    if set(now) != {reward["key"] for reward in before["rewards"]}:
        return False
    same = ("kind", "amount", "programme", "valid_months", "usable_months")
    for reward in before["rewards"]:
        other = now[reward["key"]]
        if any(reward[name] != other[name] for name in same):
            return False
        left = {tool["code"] for tool in other["choices"]}
        if not left >= {tool["code"] for tool in reward["choices"]}:
            return False
        if bool(left) != bool(reward["choices"]):
            return False
    return True


def _fewer(before: int | None, after: int | None) -> bool:
    return after is not None and (before is None or after < before)


# --- One way for all ----------------------------------------------------------------------------


class _Writing:
    """The rows of one call and the packs they speak of, locked for the caller's transaction."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], actor: User | None) -> None:
        self.rows = [{**row, "code": str(row.get("code") or "").strip()} for row in rows]
        self.actor = actor
        codes = {row["code"] for row in self.rows}
        packs = Pack.objects.select_for_update(of=("self",)).filter(code__in=codes).order_by("pk")
        self.stored = {pack.code: pack for pack in packs.prefetch_related("tasks", "rewards")}
        # Read after the lock: a claim that is being written holds the pack until it is there.
        self.claimed = set(
            PackClaim.objects.filter(pack__in=[pack.pk for pack in self.stored.values()])
            .order_by()
            .values_list("pack_id", flat=True)
            .distinct()
        )
        self.kept: dict[str, str] = {}
        """Code → why some of it can no longer change."""

    def run(self) -> list[PackOutcome]:
        """Judge every row, write the good ones, return what became of each."""
        outcomes: list[PackOutcome] = []
        changes: list[_Change] = []
        seen: set[str] = set()
        for row in self.rows:
            stored = self.stored.get(row["code"])
            before = pack_said(stored) if stored else {}
            clean, errors = clean_pack({"published": True, **before, **row})
            if row["code"] and row["code"] in seen:
                errors.append(("code", _("This code is given twice.")))
            seen.add(row["code"])
            if stored and not errors:
                errors = self._refused(stored, before, clean)
            if errors:
                outcomes.append(PackOutcome(row["code"], REJECTED, errors))
                continue
            if before == clean:
                outcomes.append(PackOutcome(row["code"], UNCHANGED, pack=stored))
                continue
            pack = stored or Pack()
            for name in FIELDS:
                setattr(pack, name, clean[name])
            changes.append(_Change(pack, before, clean))
            outcomes.append(PackOutcome(row["code"], UPDATED if stored else CREATED, pack=pack))
        self._store(changes)
        return outcomes

    def _refused(self, pack: Pack, before: dict[str, Any], clean: dict[str, Any]) -> Problems:
        settled = pack.settled_at is not None
        if not settled and pack.pk not in self.claimed:
            return []
        problems = fixed_problems(before, clean, settled=settled)
        if problems:
            self.kept[pack.code] = "settled" if settled else "claimed"
        return problems

    def _store(self, changes: list[_Change]) -> None:
        if not changes:
            return
        new = [change.pack for change in changes if not change.before]
        known = [change.pack for change in changes if change.before]
        reopened = [change.pack for change in changes if change.opens_list_again]
        for pack in reopened:
            pack.listed_at = None
        PackListing.objects.filter(pack__in=reopened).delete()
        Pack.objects.bulk_create(new, batch_size=BATCH)
        columns = [name for name in FIELDS if name != "code"]
        Pack.objects.bulk_update(known, [*columns, "listed_at"], batch_size=BATCH)
        _store_parts(PackTask, "tasks", TASK_FIELDS, changes)
        _store_parts(PackReward, "rewards", REWARD_FIELDS, changes)
        audit.record_many(
            audit.entry(
                action="pack.change" if change.before else "pack.create",
                actor=self.actor,
                obj=change.pack,
                before={name: change.before[name] for name in change.changed if change.before},
                after={name: change.clean[name] for name in change.changed},
            )
            for change in changes
        )


@dataclass
class _Change:
    """A pack about to be written: what it said, and what it will say."""

    pack: Pack
    before: dict[str, Any]
    clean: dict[str, Any]

    @property
    def changed(self) -> list[str]:
        return [name for name in self.clean if self.before.get(name) != self.clean[name]]

    @property
    def opens_list_again(self) -> bool:
        """Whether a list that was closed no longer says whom the pack is for; nobody has claimed it then."""
        return self.pack.listed_at is not None and bool(
            {"audience", "frozen_on"}.intersection(self.changed)
        )


def _store_parts(model: Any, name: str, fields: Iterable[str], changes: Sequence[_Change]) -> None:
    """Bring the tasks or rewards of changed packs to what they say now, by key."""
    new, changed, gone = [], [], []
    for change in changes:
        known = (
            {part.key: part for part in getattr(change.pack, name).all()} if change.before else {}
        )
        for position, wanted in enumerate(change.clean[name]):
            part = known.pop(wanted["key"], None)
            values = {**wanted, "position": position}
            if part is None:
                new.append(model(pack=change.pack, **values))
                continue
            if any(getattr(part, each) != value for each, value in values.items()):
                for each, value in values.items():
                    setattr(part, each, value)
                changed.append(part)
        gone += [part.pk for part in known.values()]
    if gone:
        model.objects.filter(pk__in=gone).delete()
    model.objects.bulk_create(new, batch_size=BATCH)
    model.objects.bulk_update(
        changed, [each for each in (*fields, "position") if each != "key"], batch_size=BATCH
    )
