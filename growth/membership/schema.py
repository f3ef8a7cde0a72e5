"""Typed content of the rights of a membership and of what makes a combined company (GRO-15, GRO-16, K-16)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal, Self

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from pydantic import Field, model_validator

from compliance.choices import CertificateType
from growth.choices import AffiliationWay, RightGroup
from portal.bilingual import in_language
from portal.choices import CompanyType, Membership
from portal.metrics import metric_known
from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)
from rfq.choices import RightKind

RIGHTS = "growth.rights"
AFFILIATION = "growth.membership.affiliation"

GroupKey = Literal["tools", "traffic", "strength", "services"]
CompanyTypeKey = Literal["manufacturer", "trader", "combined"]
WayKey = Literal["shares", "concert", "legal_person"]
CountedBy = Literal[
    "rfq", "showcase", "coupons", "programme", "certificates", "labels", "metric", "membership"
]
"""How it is known whether a shop makes use of a right."""


class MemberRight(RulebookContent):
    """A right of the membership (GRO-15).

    `basic`: basic sellers have it, too; `basic_…` and `verified_…` say what either gets of it.
    `company_types` are those it is for, all where it names none. `since` is the first Pacific day on
    which there is such a right. `counted_by` with `subject` tells how its use is known:

    | counted_by | subject | used when |
    |---|---|---|
    | `rfq` | kind of right to quote | one was used this Pacific month; what is left is the balance |
    | `showcase` | | a slot is in use; what is left are the others |
    | `coupons` | | one was used; what is left are those granted |
    | `programme` | code of a programme | the shop is enrolled |
    | `certificates` | type of certificate | one counts now |
    | `labels` | | both strength labels are chosen and available |
    | `metric` | key of a metric | it is `at_least` |
    | `membership` | | always: it comes with the membership |
    """

    key: str = Field(pattern=r"^[a-z0-9_]+$", max_length=60)
    group: GroupKey
    title_en: str
    title_zh: str = ""
    text_en: str
    text_zh: str = ""
    basic: bool = False
    basic_en: str = ""
    basic_zh: str = ""
    verified_en: str = ""
    verified_zh: str = ""
    company_types: list[CompanyTypeKey] = []
    since: date | None = None
    priority: bool = False
    counted_by: CountedBy
    subject: str = ""
    at_least: Decimal = Decimal(1)
    action_en: str = ""
    action_zh: str = ""
    page: str = ""

    @model_validator(mode="after")
    def _subject_fits(self) -> Self:
        known = {
            "rfq": lambda: self.subject in RightKind.values,
            "programme": lambda: bool(self.subject),
            "certificates": lambda: self.subject in CertificateType.values,
            "metric": lambda: metric_known(self.subject),
        }.get(self.counted_by, lambda: not self.subject)
        if not known():
            raise ValueError(f"“{self.subject}” is nothing that {self.counted_by} counts")
        return self

    @property
    def title(self) -> str:
        """Title in the active language."""
        return in_language(self.title_en, self.title_zh)

    @property
    def text(self) -> str:
        """What it brings, in the active language."""
        return in_language(self.text_en, self.text_zh)

    @property
    def for_basic(self) -> str:
        """What basic sellers get of it, in the active language; empty where they get nothing."""
        return in_language(self.basic_en, self.basic_zh)

    @property
    def for_verified(self) -> str:
        """What verified sellers get of it, in the active language."""
        return in_language(self.verified_en, self.verified_zh) or self.text

    @property
    def action(self) -> str:
        """What is done to use it, in the active language."""
        return in_language(self.action_en, self.action_zh)

    def concerns(self, company_type: str, day: date) -> bool:
        """Tell whether it is for companies of a type, and there on a Pacific day."""
        there = self.since is None or self.since <= day
        return there and (not self.company_types or company_type in self.company_types)

    def open_to(self, membership: str) -> bool:
        """Tell whether a membership includes it."""
        return self.basic or membership == Membership.VERIFIED


class RightsRules(RulebookContent):
    """Content of `growth.rights`: `soon_days` before its end a right is said to expire soon."""

    soon_days: int = Field(ge=1)
    answer_working_days: int = Field(ge=1)
    """Working days in which staff answer a request to become verified."""
    rights: list[MemberRight] = Field(min_length=1)

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        keys = [right.key for right in self.rights]
        if len(keys) != len(set(keys)):
            raise ValueError("two rights have the same key")
        return self


class AffiliationRule(RulebookContent):
    """One way in which two companies count as one combined company.

    `shares`: what one holds of the other, or a common shareholder of both, is at least `percent`.
    `concert`: they are shareholders with less, and who signed a concert agreement holds more than
    `percent` together. `legal_person`: both have the same one; no percentage.
    """

    way: WayKey
    percent: Decimal | None = Field(default=None, gt=0, le=100)
    text_en: str
    text_zh: str = ""

    @model_validator(mode="after")
    def _percent_where_needed(self) -> Self:
        if (self.percent is None) != (self.way == AffiliationWay.LEGAL_PERSON):
            raise ValueError("shares and concert have a percentage, legal_person has none")
        return self

    @property
    def text(self) -> str:
        """The condition in the active language."""
        return in_language(self.text_en, self.text_zh)


class AffiliationRules(RulebookContent):
    """Content of `growth.membership.affiliation`: any of the ways makes a combined company (GRO-16)."""

    ways: list[AffiliationRule] = Field(min_length=1)


register_rulebook_module(RIGHTS, RightsRules)
register_rulebook_module(AFFILIATION, AffiliationRules)
register_rulebook_words(
    {
        # Translators: 权益
        "rights": pgettext_lazy("rulebook", "Rights"),
        "soon_days": pgettext_lazy("rulebook", "Days before the end in which it expires soon"),
        "answer_working_days": pgettext_lazy("rulebook", "Answered within working days"),
        "key": pgettext_lazy("rulebook", "Key"),
        "group": pgettext_lazy("rulebook", "Group"),
        "title": pgettext_lazy("rulebook", "Title"),
        "text": pgettext_lazy("rulebook", "Text"),
        "basic": Membership.BASIC.label,
        "verified": Membership.VERIFIED.label,
        "company_types": pgettext_lazy("rulebook", "For companies"),
        "since": pgettext_lazy("rulebook", "Since"),
        "priority": pgettext_lazy("rulebook", "Shown first"),
        "counted_by": pgettext_lazy("rulebook", "Counted by"),
        "subject": pgettext_lazy("rulebook", "What is counted"),
        "at_least": pgettext_lazy("rulebook", "At least"),
        "action": pgettext_lazy("rulebook", "Action"),
        "page": pgettext_lazy("rulebook", "Page"),
        # Translators: 工贸一体的认定方式
        "ways": pgettext_lazy("rulebook", "Ways to be a combined company"),
        "way": pgettext_lazy("rulebook", "Way"),
        "percent": pgettext_lazy("rulebook", "Percentage"),
        "rfq": pgettext_lazy("counted by", "Rights to quote"),
        "showcase": pgettext_lazy("counted by", "Showcase slots"),
        "coupons": pgettext_lazy("counted by", "Coupons of task packs"),
        "programme": pgettext_lazy("counted by", "Enrolment in a programme"),
        "certificates": pgettext_lazy("counted by", "Verified certificates"),
        "labels": _("Strength labels"),
        "metric": pgettext_lazy("counted by", "A number"),
        "membership": pgettext_lazy("rulebook", "Membership"),
        **{group.value: group.label for group in RightGroup},
        **{kind.value: kind.label for kind in CompanyType},
        **{way.value: way.label for way in AffiliationWay},
        **{kind.value: kind.label for kind in RightKind},
        **{kind.value: kind.label for kind in CertificateType},
    }
)
