"""Everything compliance keeps."""

from compliance.models.certificates import (
    Certificate,
    CertificateCategory,
    CertificateEvent,
    CertificateFile,
    CertificateProduct,
)
from compliance.models.gate import (
    GateBlock,
    GateOverview,
    GateOverviewChange,
)
from compliance.models.obligations import (
    CalendarFeed,
    Declaration,
    ServiceRequest,
)
from compliance.models.products import (
    CategoryTraits,
    GatedProduct,
    ShopCategoryTraits,
)
from compliance.models.reviews import (
    RegisterEntry,
    RegisterImport,
    RegisterMatch,
    ReviewReason,
)
from compliance.models.screening import (
    Chemical,
    ChemicalCategory,
    MarkCase,
    ProductHit,
    ProtectedMark,
    Rescreening,
    RuleClass,
    Term,
)
from compliance.models.violations import (
    Appeal,
    AppealFile,
    PenaltyEffect,
    Violation,
    ViolationEvidence,
)

__all__ = [
    "Appeal",
    "AppealFile",
    "CalendarFeed",
    "CategoryTraits",
    "Certificate",
    "CertificateCategory",
    "CertificateEvent",
    "CertificateFile",
    "CertificateProduct",
    "Chemical",
    "ChemicalCategory",
    "Declaration",
    "GateBlock",
    "GateOverview",
    "GateOverviewChange",
    "GatedProduct",
    "MarkCase",
    "PenaltyEffect",
    "ProductHit",
    "ProtectedMark",
    "RegisterEntry",
    "RegisterImport",
    "RegisterMatch",
    "Rescreening",
    "ReviewReason",
    "RuleClass",
    "ServiceRequest",
    "ShopCategoryTraits",
    "Term",
    "Violation",
    "ViolationEvidence",
]
