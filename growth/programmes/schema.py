"""What a programme says: audience, windows, agreement, documents, steps, renewal (GRO-17, GRO-18).

One mechanism for activities, channels, services and offers: a programme is a content of this form,
shipped as `growth/data/programmes/*.toml` or written by staff.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from compliance.choices import CertificateType
from portal.audience import audience_errors
from portal.bilingual import both_texts, in_language
from portal.choices import BuyerTier
from portal.rulebook_schemas import RulebookContent

KEY = r"^[a-z0-9_]+$"
STANDARD = "standard"
"""Key of the way in of programmes that have only one."""

OperatorKey = Literal["eq", "ne", "gte", "gt", "lte", "lt", "in"]
TierKey = Literal["L0", "L1", "L2", "L3", "L4"]


class Words(RulebookContent):
    """A text in both languages; `str()` is the reader's."""

    en: str = Field(min_length=1)
    zh: str = ""

    def __str__(self) -> str:
        return in_language(self.en, self.zh)

    @property
    def both(self) -> dict[str, str]:
        """The text in both languages, for notices."""
        return both_texts(self.en, self.zh)


# --- Whom it is for -----------------------------------------------------------------------------


class Condition(RulebookContent):
    """`{field or metric, op, value}`, as in every audience (portal.audience)."""

    field: str | None = None
    metric: str | None = None
    op: OperatorKey
    value: str | int | float | list[str] | list[int | float]

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.field is None) == (self.metric is None):
            raise ValueError("a condition is about a field or a metric")
        return self

    def as_audience(self) -> dict[str, Any]:
        """The condition as `portal.audience` reads it."""
        return self.model_dump(exclude_none=True)


class Criterion(RulebookContent):
    """Conditions that must `all` hold, or `any` of them, said in one sentence.

    A single condition may be written without the list; it then says itself what it asks. `judged`: what
    upstream has not told is for staff to judge by the documents; what it has told counts. One without
    conditions is for staff alone.
    """

    text: Words | None = None
    need: Literal["all", "any"] = "all"
    conditions: list[Condition] = []
    judged: bool = False

    @model_validator(mode="before")
    @classmethod
    def _single(cls, given: Any) -> Any:
        if isinstance(given, dict) and "op" in given:
            own = {key: given[key] for key in ("field", "metric", "op", "value") if key in given}
            rest = {key: value for key, value in given.items() if key not in own}
            return {**rest, "conditions": [own]}
        return given

    @model_validator(mode="after")
    def _said(self) -> Self:
        if self.text is None and len(self.conditions) != 1:
            raise ValueError("what is not one condition has a text")
        if not self.conditions and not self.judged:
            raise ValueError("a criterion without conditions is judged by staff")
        return self


# --- What is asked for --------------------------------------------------------------------------


class DocumentOption(RulebookContent):
    """One way to meet a requirement: a certificate in force, a file, a text, or what upstream knows."""

    key: str = Field(pattern=KEY)
    title: Words
    kind: Literal["certificate", "file", "text", "fact"]
    types: list[str] = []
    """Types of certificate that will do."""
    condition: Condition | None = None
    """What must hold for a fact."""

    @field_validator("types")
    @classmethod
    def _known_types(cls, types: list[str]) -> list[str]:
        for kind in types:
            CertificateType(kind)
        return types

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "certificate") != bool(self.types):
            raise ValueError("a certificate, and only it, names its types")
        if (self.kind == "fact") != (self.condition is not None):
            raise ValueError("a fact, and only it, has a condition")
        return self


class Requirement(RulebookContent):
    """Something to be proven with one of its options (资质): `options` beyond the first are alternatives."""

    key: str = Field(pattern=KEY)
    title: Words
    help: Words | None = None
    options: list[DocumentOption] = Field(min_length=1)


class Choice(RulebookContent):
    """An answer to choose, perhaps only up to a day."""

    key: str = Field(pattern=KEY)
    title: Words
    until: date | None = None

    def offered_on(self, day: date) -> bool:
        """Tell whether it can be chosen on a day."""
        return self.until is None or day <= self.until


class Question(RulebookContent):
    """Something the shop says when it applies: free text, or one of some choices."""

    key: str = Field(pattern=KEY)
    title: Words
    help: Words | None = None
    choices: list[Choice] = []
    required: bool = True
    most: int = Field(default=500, ge=1, le=2000)
    """Characters at most."""


class Route(RulebookContent):
    """A way in, with conditions and documents of its own; programmes mostly have one.

    `automatic`: whoever fulfils the conditions is enrolled by the night, without asking. `review`: staff
    decide. `agrees`: the agreement of the programme is to be ticked.
    """

    key: str = Field(default=STANDARD, pattern=KEY)
    title: Words | None = None
    audience: list[Criterion] = []
    automatic: bool = False
    review: bool = False
    agrees: bool = True
    documents: list[Requirement] = []

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        keys = [option.key for each in self.documents for option in each.options]
        _unique("options", keys)
        _unique("documents", [each.key for each in self.documents])
        if self.automatic and (self.review or self.documents):
            raise ValueError("what is automatic asks for nothing")
        return self


# --- When ---------------------------------------------------------------------------------------


class EnrolmentWindow(RulebookContent):
    """Pacific days on which a shop can enrol, both ends included.

    With `days` it opens anew every month, from the first of them to the second, as far as they lie
    between `opens_on` and `closes_on`. Either may be missing.
    """

    opens_on: date | None = None
    closes_on: date | None = None
    days: tuple[int, int] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.opens_on and self.closes_on and self.closes_on < self.opens_on:
            raise ValueError("the last day lies before the first")
        if self.days is not None and not 1 <= self.days[0] <= self.days[1] <= 31:
            raise ValueError("days of a month rise from 1 to 31")
        return self


class Term(RulebookContent):
    """How long an enrolment holds: until a day, for some months, for its own day, or without an end."""

    until: date | None = None
    months: int | None = Field(default=None, ge=1)
    same_day: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum((self.until is not None, self.months is not None, self.same_day)) > 1:
            raise ValueError("a term is a day, a number of months or the same day")
        return self

    @property
    def ends(self) -> bool:
        """Whether it has an end."""
        return self.until is not None or self.months is not None or self.same_day


class ExitRule(RulebookContent):
    """Leaving: possible at all, from which day on, and for how many days a shop stays out then."""

    allowed: bool = True
    from_day: int = Field(default=0, ge=0)
    """Day n is n days after the first day of membership."""
    cool_down_days: int = Field(default=0, ge=0)


class Ground(RulebookContent):
    """A reason for which staff remove a shop."""

    key: str = Field(pattern=KEY)
    text: Words


class Step(RulebookContent):
    """A step after enrolling: who does it, and by when.

    The first step is enrolling itself. The deadline is a day, or days or Chinese working days after the
    step before. `ends`: missing it ends the enrolment, else it is only late. `sends_back`: staff can
    have the step before done again.
    """

    key: str = Field(pattern=KEY)
    title: Words
    help: Words | None = None
    who: Literal["shop", "staff"]
    by: date | None = None
    days: int | None = Field(default=None, ge=1)
    working_days: int | None = Field(default=None, ge=1)
    ends: bool = False
    sends_back: bool = False

    @model_validator(mode="after")
    def _one_deadline(self) -> Self:
        given = [one for one in (self.by, self.days, self.working_days) if one is not None]
        if len(given) > 1 or (self.ends and not given):
            raise ValueError("a step has one deadline at most, and one that ends has one")
        return self


class RenewalRule(RulebookContent):
    """Renewing (延期): from how many months before the end, for how long, how often, answered by when."""

    months_before: int = Field(ge=1)
    months: int = Field(ge=1)
    times: int = Field(default=1, ge=1)
    answer_working_days: int = Field(ge=1)
    note: Words | None = None


# --- What it brings -----------------------------------------------------------------------------


class Benefit(RulebookContent):
    """Something it brings, perhaps only from a day on."""

    text: Words
    from_day: date | None = None


class Table(RulebookContent):
    """A table of terms or benefits; cells are texts in both languages. `yes` and `no` are drawn."""

    title: Words
    columns: list[Words] = Field(min_length=2)
    rows: list[list[Words]] = Field(min_length=1)
    note: Words | None = None

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("every row has as many cells as there are columns")
        return self


class ProductRule(RulebookContent):
    """Which products take part: how many of a shop, with which growth score; chosen by the platform.

    `metric`: how many products of the shop have the score, where upstream tells.
    """

    most: int = Field(ge=1)
    score_min: int = Field(ge=0, le=100)
    metric: str = Field(default="", pattern=r"^(ext\.[a-z0-9_]+)?$")
    note: Words | None = None


class ProgrammeContent(RulebookContent):
    """All a programme says besides its code, kind and title.

    `places`: how many shops get in, per window. `once_per_owner`: one person has it once, whatever shops
    are theirs. `voucher`: enrolling gives a number to be shown. `flag`: code of the `SellerFlag` that
    holds while a shop is enrolled. `buyers`: buyer tiers it reaches. `source`: the briefing it is from.
    """

    summary: Words
    audience: list[Criterion] = []
    routes: list[Route] = Field(default_factory=lambda: [Route()], min_length=1)
    windows: list[EnrolmentWindow] = []
    term: Term = Term()
    places: int | None = Field(default=None, ge=1)
    once_per_owner: bool = False
    voucher: bool = False
    agreement: Words | None = None
    questions: list[Question] = []
    benefits: list[Benefit] = []
    tables: list[Table] = []
    notes: list[Words] = []
    buyers: list[TierKey] = []
    products: ProductRule | None = None
    flag: str = Field(default="", max_length=40)
    exit: ExitRule = ExitRule()
    removal: list[Ground] = []
    steps: list[Step] = []
    renewal: RenewalRule | None = None
    source: str = ""

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for name, keys in (
            ("routes", [each.key for each in self.routes]),
            ("questions", [each.key for each in self.questions]),
            ("removal", [each.key for each in self.removal]),
            ("steps", [each.key for each in self.steps]),
        ):
            _unique(name, keys)
        for route in self.routes:
            _unique(
                "answers",
                [
                    *(each.key for each in self.questions),
                    *(one.key for each in route.documents for one in each.options),
                ],
            )
        if len(self.routes) > 1 and any(each.title is None for each in self.routes):
            raise ValueError("ways in have titles where there are several")
        if any(each.automatic for each in self.routes):
            self._check_automatic()
        if self.renewal is not None and not self.term.ends:
            raise ValueError("what has no end is not renewed")
        return self

    def _check_automatic(self) -> None:
        """Refuse what the night cannot keep to when it enrols shops by itself."""
        if self.flag:
            raise ValueError("a flag is for programmes that shops join by hand")
        if any(one.judged for one in self.criteria()):
            raise ValueError("what staff judge is not automatic")
        if self.places is not None or self.once_per_owner or self.voucher:
            raise ValueError("what is limited or gives a voucher is not automatic")

    def route(self, key: str) -> Route | None:
        """Return a way in by its key."""
        return next((each for each in self.routes if each.key == key), None)

    def criteria(self) -> Iterator[Criterion]:
        """Yield every criterion, also those of its ways in."""
        yield from self.audience
        for route in self.routes:
            yield from route.audience

    def conditions(self) -> Iterator[Condition]:
        """Yield every condition it names anywhere."""
        for criterion in self.criteria():
            yield from criterion.conditions
        for route in self.routes:
            for requirement in route.documents:
                for option in requirement.options:
                    if option.condition is not None:
                        yield option.condition

    @property
    def prerequisites(self) -> tuple[str, ...]:
        """Codes of programmes a shop must be enrolled in for this one, all of them."""
        return tuple(
            str(condition.value)
            for criterion in self.audience
            if criterion.need == "all"
            for condition in criterion.conditions
            if condition.field == ENROLLED_IN and condition.op == "eq"
        )

    @property
    def agreement_digest(self) -> str:
        """Digest of the text to be ticked, in both languages; empty without one."""
        if self.agreement is None:
            return ""
        text = f"{self.agreement.en}\n\n{self.agreement.zh}"
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def tiers(self) -> list[str]:
        """Buyer tiers it reaches, lowest first."""
        return sorted(self.buyers, key=BuyerTier.values.index)


ENROLLED_IN = "enrolled_in"
"""Audience field: programmes the shop is enrolled in."""


def _unique(name: str, keys: Iterable[str]) -> None:
    keys = list(keys)
    if len(keys) != len(set(keys)):
        raise ValueError(f"{name}: a key is given twice")


def programme_errors(content: Any) -> list[str]:
    """Return what is wrong with a content, with places; conditions may name only what exists (GRO-17)."""
    try:
        parsed = ProgrammeContent.model_validate(content)
    except ValidationError as error:
        return [
            f"{'.'.join(str(part) for part in row['loc']) or 'content'}: {row['msg']}"
            for row in error.errors(include_url=False)
        ]
    return [
        text.partition("] ")[2]
        for condition in parsed.conditions()
        for text in audience_errors([condition.as_audience()])
    ]
