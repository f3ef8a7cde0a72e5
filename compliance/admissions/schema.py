"""What a rulebook of industry admissions says: who may sell what, with which documents (CRT-1, CMP-4)."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from django.utils.translation import pgettext_lazy
from pydantic import Field, model_validator

from compliance.choices import CertificateType
from portal.bilingual import reads_chinese
from portal.choices import CompanyType
from portal.rulebook_schemas import (
    RulebookContent,
    register_rulebook_module,
    register_rulebook_words,
)

ADMISSIONS = "compliance.admissions"

RESTRICTED_CHEMICALS = "restricted_chemicals"
"""The admission the chemicals rules ask for (CMP-4)."""

Company = Literal["manufacturer", "trader", "combined"]


class DocumentSet(RulebookContent):
    """The documents companies of some types need, all of them.

    `admission` among them is an industry admission issued for these very goods.
    """

    company_types: list[Company] = Field(min_length=1)
    documents: list[CertificateType] = Field(min_length=1)


class AdmissionRule(RulebookContent):
    """Goods that only admitted sellers may offer, from a day on.

    A company whose type stands in several sets needs one of them; one that stands in none cannot be
    admitted. `mainland_only`: sellers in mainland China alone. `own_only`: documents of the seller's
    own, none borrowed.
    """

    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    name_en: str
    name_zh: str
    text_en: str
    text_zh: str
    starts_on: date
    mainland_only: bool = False
    own_only: bool = False
    document_sets: list[DocumentSet] = Field(min_length=1)

    @property
    def name(self) -> str:
        """What the goods are called, in the active language."""
        return self.name_zh if reads_chinese() else self.name_en

    @property
    def text(self) -> str:
        """What the admission is about, in the active language."""
        return self.text_zh if reads_chinese() else self.text_en

    def sets_for(self, company_type: str) -> list[DocumentSet]:
        """Return the sets of documents that serve a company type, in the order of the rulebook."""
        return [one for one in self.document_sets if company_type in one.company_types]


class AdmissionRules(RulebookContent):
    """Content of `compliance.admissions`; `outside_mainland` are provinces as sellers write them."""

    outside_mainland: list[str]
    admissions: list[AdmissionRule]

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        codes = [one.code for one in self.admissions]
        if len(codes) != len(set(codes)):
            raise ValueError("two admissions have the same code")
        return self

    def admission(self, code: str) -> AdmissionRule | None:
        """Return an admission, or none when this rulebook does not have it."""
        return next((one for one in self.admissions if one.code == code), None)

    def is_mainland(self, province: str) -> bool:
        """Tell whether a seller's province lies in mainland China; one that names none does (decided)."""
        return province.strip().casefold() not in {one.casefold() for one in self.outside_mainland}


register_rulebook_module(ADMISSIONS, AdmissionRules)
register_rulebook_words(
    {
        # Translators: 中国大陆以外
        "outside_mainland": pgettext_lazy("rulebook", "Outside mainland China"),
        # Translators: 行业资质准入
        "admissions": pgettext_lazy("rulebook", "Industry admissions"),
        "code": pgettext_lazy("rulebook", "Code"),
        "name": pgettext_lazy("rulebook", "Name"),
        "text": pgettext_lazy("rulebook", "Text"),
        "starts_on": pgettext_lazy("rulebook", "From"),
        # Translators: 仅限中国大陆会员
        "mainland_only": pgettext_lazy("rulebook", "Mainland China only"),
        # Translators: 只接受自有资质
        "own_only": pgettext_lazy("rulebook", "The seller's own documents only"),
        "document_sets": pgettext_lazy("rulebook", "Documents by type of company"),
        "company_types": pgettext_lazy("rulebook", "Types of company"),
        "documents": pgettext_lazy("rulebook", "Documents"),
        **{kind.value: kind.label for kind in CompanyType},
        **{kind.value: kind.label for kind in CertificateType},
    }
)
