"""What each type of certificate asks for: data, read by form, service, API and pages (EPR-4, CRT-1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from compliance.choices import CertificateType
from portal.choices import CompanyType

Text = str | Promise
MAKERS = frozenset({CompanyType.MANUFACTURER, CompanyType.COMBINED})
ALL_COMPANIES = frozenset(CompanyType)
COMMON = frozenset(
    {
        "type",
        "entity_name",
        "name",
        "number",
        "issued_on",
        "expires_on",
        "scope_en",
        "scope_zh",
        "files",
        "products",
        "categories",
        "declaration",
    }
)
"""Fields every type asks for."""


class Whose(Enum):
    """Whether a type may be somebody else's."""

    OWN_OR_UPSTREAM = "own_or_upstream"
    """The seller says; an upstream supplier's needs the purchase invoice (EPR-3)."""
    OWN_ONLY = "own_only"
    """A licence that cannot be borrowed (CMP-4)."""
    NOT_ASKED = "not_asked"
    """Who holds it is written on it, e.g. a brand owner."""


@dataclass(frozen=True)
class TypeRules:
    """What a type asks for, requires and calls its fields.

    `asks` are the fields it has besides the `COMMON` ones; what is sent for others is left out.
    `requires` are those of all its fields that must be filled; `expires_on` among them: it always has
    a last day. `scope_required`: in at least one language. `companies` and `mainland_only` say whom
    an admission made of it is for (CMP-4).
    """

    type: CertificateType
    number_name: Text
    entity_name: Text
    company_name: Text = ""
    help: Text = ""
    asks: frozenset[str] = frozenset()
    requires: frozenset[str] = frozenset()
    scope_required: bool = False
    whose: Whose = Whose.NOT_ASKED
    companies: frozenset[CompanyType] = ALL_COMPANIES
    mainland_only: bool = False

    @property
    def fields(self) -> frozenset[str]:
        """Every field the type has."""
        return COMMON | self.asks

    @property
    def expiry_required(self) -> bool:
        """Whether it always has a last day."""
        return "expires_on" in self.requires

    @property
    def takes_invoices(self) -> bool:
        """Whether an upstream supplier's is taken, with the purchase invoice (EPR-3)."""
        return self.whose is Whose.OWN_OR_UPSTREAM


# Translators: 被认证主体名称
_ENTITY = _("Certified entity name")
# Translators: 证书编号
_CERTIFICATE_NUMBER = _("Certificate number")
# Translators: 许可证编号
_LICENCE_NUMBER = _("Licence number")
_LICENCE = {
    "number_name": _LICENCE_NUMBER,
    # Translators: 持证单位名称
    "entity_name": _("Licence holder"),
    "asks": frozenset({"cas_numbers"}),
    "requires": frozenset({"expires_on"}),
    "scope_required": True,
    "whose": Whose.OWN_ONLY,
    "mainland_only": True,
}

_RULES = (
    TypeRules(
        CertificateType.EPR,
        # Translators: 注册号
        number_name=_("Registration number"),
        entity_name=_ENTITY,
        # Translators: 注册公司名称
        company_name=_("Registered company name"),
        help=_(
            "One registration number per country and category: they never stand for each other."
        ),
        asks=frozenset(
            {"country", "category", "company_name", "own", "invoices", "brands", "device_types"}
        ),
        requires=frozenset({"country", "category", "company_name", "own"}),
        whose=Whose.OWN_OR_UPSTREAM,
    ),
    TypeRules(
        CertificateType.MANAGEMENT_SYSTEM,
        number_name=_CERTIFICATE_NUMBER,
        entity_name=_ENTITY,
        help=_("For example ISO 9001, ISO 14001, BSCI. Name the standard."),
        requires=frozenset({"expires_on"}),
    ),
    TypeRules(
        CertificateType.TEST_REPORT,
        # Translators: 报告编号
        number_name=_("Certificate or report number"),
        # Translators: 申请人
        entity_name=_("Applicant"),
        help=_("For example CE, FCC, RoHS, REACH. Link the products that were tested."),
        asks=frozenset({"brands"}),
    ),
    TypeRules(
        CertificateType.PATENT,
        # Translators: 专利号
        number_name=_("Patent number"),
        # Translators: 专利权人
        entity_name=_("Patent holder"),
        help=_("The last day is the end of the protection, if you know it."),
    ),
    TypeRules(
        CertificateType.TRADEMARK,
        # Translators: 商标注册号
        number_name=_("Trademark registration number"),
        # Translators: 商标注册人
        entity_name=_("Trademark holder"),
        help=_("Name the mark as a brand, and the goods and Nice classes as its scope."),
        asks=frozenset({"brands"}),
    ),
    TypeRules(
        CertificateType.BRAND_AUTHORISATION,
        # Translators: 授权书编号
        number_name=_("Number of the authorisation or of the mark"),
        # Translators: 被授权方
        entity_name=_("Authorised company"),
        # Translators: 授权方（商标权人）
        company_name=_("Brand owner"),
        help=_("It proves that you may use somebody else's mark for the products you link."),
        asks=frozenset({"brands", "company_name"}),
        requires=frozenset({"brands", "company_name"}),
    ),
    TypeRules(
        CertificateType.COPYRIGHT,
        # Translators: 登记号
        number_name=_("Registration number"),
        # Translators: 著作权人
        entity_name=_("Copyright holder"),
    ),
    TypeRules(
        CertificateType.HONOUR,
        number_name=_CERTIFICATE_NUMBER,
        # Translators: 获奖单位
        entity_name=_("Awarded to"),
        help=_("Awards and titles of your company, such as high-tech enterprise."),
    ),
    TypeRules(
        CertificateType.ADMISSION,
        # Translators: 注册证或备案编号
        number_name=_("Licence or registration number"),
        # Translators: 持证单位名称
        entity_name=_("Licence holder"),
        help=_("For goods that need one, such as medical devices or masks."),
        asks=frozenset({"admission"}),
    ),
    TypeRules(
        CertificateType.BUSINESS_LICENCE,
        # Translators: 统一社会信用代码
        number_name=_("Unified social credit code"),
        # Translators: 企业名称
        entity_name=_("Company name"),
        help=_("Leave the last day empty if the licence has no end."),
        whose=Whose.OWN_ONLY,
    ),
    TypeRules(
        CertificateType.SAFETY_PRODUCTION,
        help=_("For makers of hazardous chemicals. Give the CAS numbers the licence allows."),
        companies=MAKERS,
        **_LICENCE,  # type: ignore[arg-type]
    ),
    TypeRules(
        CertificateType.INDUSTRIAL_PRODUCTION,
        help=_("For makers of listed industrial products. Give the CAS numbers it allows."),
        companies=MAKERS,
        **_LICENCE,  # type: ignore[arg-type]
    ),
    TypeRules(
        CertificateType.CHEMICAL_OPERATING,
        help=_("For traders of hazardous chemicals. Give the CAS numbers the licence allows."),
        companies=frozenset({CompanyType.TRADER, CompanyType.COMBINED}),
        **_LICENCE,  # type: ignore[arg-type]
    ),
)

TYPE_RULES: dict[CertificateType, TypeRules] = {rules.type: rules for rules in _RULES}


def type_rules(kind: str) -> TypeRules:
    """Return what a type asks for; raises `ValueError` for a word that is no type."""
    return TYPE_RULES[CertificateType(kind)]
