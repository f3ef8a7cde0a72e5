"""Statuses and fixed vocabularies of `compliance`; nothing else."""

from functools import cached_property

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class EprCategory(models.TextChoices):
    """What a producer registers for (EPR-1). A rulebook says which a country asks for, and since when."""

    # Translators: 包装
    PACKAGING = "packaging", _("Packaging")
    # Translators: 电气和电子设备（WEEE）
    ELECTRICAL = "electrical", _("Electrical and electronic equipment")
    # Translators: 电池
    BATTERY = "battery", _("Batteries")
    # Translators: 家具
    FURNITURE = "furniture", _("Furniture")
    # Translators: 轮胎
    TYRE = "tyre", _("Tyres")
    # Translators: 印刷纸
    PAPER = "paper", _("Printed paper")
    # Translators: 纺织品
    TEXTILE = "textile", _("Textiles")
    # Translators: 法国EPR即将执行分类
    PAINT = "paint", _("Paint and solvents")
    VEHICLE = "vehicle", _("Vehicles")
    BOAT = "boat", _("Boats")
    MEDICINE = "medicine", _("Unused medicines")
    MEDICAL = "medical", _("Medical devices")
    TOY = "toy", _("Toys")
    LEISURE = "leisure", _("Sports and leisure goods")
    GARDEN = "garden", _("DIY and garden tools")

    @cached_property
    def bit(self) -> int:
        """The category in a mask of traits. Stored: never reorder the members."""
        return 1 << list(type(self)).index(self)


class TraitSource(models.TextChoices):
    """Where the traits that hold for a product come from, strongest first (EPR-2)."""

    STAFF = "staff", _("Set by staff")
    PRODUCT = "product", _("Given with the product")
    SHOP = "shop", _("Confirmed for the category")
    CATEGORY = "category", _("Usual for the category")
    FALLBACK = "fallback", _("Packaging assumed")


class CertificateType(models.TextChoices):
    """What a certificate is (EPR-4, CRT-1)."""

    # Translators: EPR注册号
    EPR = "epr", _("EPR registration")
    # Translators: 管理体系证书
    MANAGEMENT_SYSTEM = "management_system", _("Management system")
    # Translators: 产品检测报告
    TEST_REPORT = "test_report", _("Product certificate or test report")
    # Translators: 专利
    PATENT = "patent", _("Patent")
    # Translators: 商标
    TRADEMARK = "trademark", _("Trademark")
    # Translators: 品牌授权书
    BRAND_AUTHORISATION = "brand_authorisation", _("Brand authorisation")
    # Translators: 软件著作权
    COPYRIGHT = "copyright", _("Software copyright")
    # Translators: 荣誉证书
    HONOUR = "honour", _("Honour")
    # Translators: 行业准入资质
    ADMISSION = "admission", _("Industry admission")
    # Translators: 营业执照
    BUSINESS_LICENCE = "business_licence", _("Business licence")
    # Translators: 危险化学品安全生产许可证
    SAFETY_PRODUCTION = "safety_production", _("Safety production licence (hazardous chemicals)")
    # Translators: 工业产品生产许可证
    INDUSTRIAL_PRODUCTION = "industrial_production", _("Industrial production licence")
    # Translators: 危险化学品经营许可证
    CHEMICAL_OPERATING = "chemical_operating", _("Chemical operating licence")


class CertificateStatus(models.TextChoices):
    """Life of a certificate (EPR-4). One whose time is over counts as expired before the night says so."""

    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("Submitted")
    IN_REVIEW = "in_review", _("In review")
    VERIFIED = "verified", pgettext_lazy("certificate", "Verified")
    REJECTED = "rejected", _("Rejected")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")
    REPLACED = "replaced", _("Replaced")


CERTIFICATE_TRANSITIONS: dict[str, set[str]] = {
    # A draft or a rejected one is corrected in place; the events keep what was.
    CertificateStatus.DRAFT: {CertificateStatus.SUBMITTED},
    CertificateStatus.SUBMITTED: {CertificateStatus.IN_REVIEW, CertificateStatus.DRAFT},
    CertificateStatus.IN_REVIEW: {
        CertificateStatus.SUBMITTED,  # released
        CertificateStatus.VERIFIED,
        CertificateStatus.REJECTED,
    },
    CertificateStatus.REJECTED: {CertificateStatus.SUBMITTED},
    CertificateStatus.VERIFIED: {
        CertificateStatus.EXPIRED,
        CertificateStatus.REVOKED,
        CertificateStatus.REPLACED,
    },
    CertificateStatus.EXPIRED: set(),
    CertificateStatus.REVOKED: set(),
    CertificateStatus.REPLACED: set(),
}


class FileKind(models.TextChoices):
    """What an uploaded file of a certificate shows (EPR-4)."""

    CERTIFICATE = "certificate", _("Certificate")
    # Translators: 购货发票
    INVOICE = "invoice", _("Purchase invoice")


class CertificateEventKind(models.TextChoices):
    """What happened to a certificate (EPR-4)."""

    # Translators: 已创建
    CREATED = "created", pgettext_lazy("certificate", "Created")
    CHANGED = "changed", _("Corrected")
    SUBMITTED = "submitted", _("Submitted")
    TAKEN_BACK = "taken_back", _("Taken back")
    CLAIMED = "claimed", _("Taken into review")
    RELEASED = "released", _("Released")
    FIRST_APPROVAL = "first_approval", _("Approved by a first reviewer")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    REVOKED = "revoked", _("Revoked")
    EXPIRED = "expired", _("Expired")
    REPLACED = "replaced", _("Replaced")


class ReasonKind(models.TextChoices):
    """Which decision a canned reason is for (EPR-7)."""

    REJECT = "reject", _("Rejection")
    REVOKE = "revoke", _("Revocation")


class AdmissionBarrier(models.TextChoices):
    """Why no document can admit a seller to restricted goods (CRT-1, CMP-4)."""

    # Translators: 仅限中国大陆会员
    REGION = "region", _("Sellers in mainland China only")
    # Translators: 企业类型不符
    COMPANY_TYPE = "company_type", _("Not for companies of your type")


class GateDecision(models.TextChoices):
    """What the trade gate answers (EPR-11)."""

    ALLOWED = "allowed", _("Allowed")
    WARN = "warn", _("Allowed for now")
    BLOCKED = "blocked", _("Blocked")


class CoverState(models.TextChoices):
    """Whether a product has the number a country asks for, and if not, why (EPR-11)."""

    NOT_REQUIRED = "not_required", _("Not required")
    COVERED = "covered", _("Covered")
    MISSING = "missing", _("Missing")
    IN_REVIEW = "in_review", _("In review")
    REJECTED = "rejected", _("Rejected")
    NOT_COVERED = "not_covered", _("Verified, but not for this product")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")


class ObligationState(models.TextChoices):
    """Where a declaration of a registration stands on a day (EPR-9)."""

    DUE = "due", pgettext_lazy("declaration", "Due")
    OVERDUE = "overdue", pgettext_lazy("declaration", "Overdue")
    # Translators: 已申报
    DONE = "done", _("Declared")


class TermEffect(models.TextChoices):
    """What a rule class does to a product its terms are found in (CMP-1)."""

    FORBID = "forbid", _("Forbidden")
    RESTRICT = "restrict", _("Restricted")
    # Translators: 可展示 不可交易
    DISPLAY_ONLY = "display_only", _("Display only, no online trade")
    # Translators: 疑似侵权
    PROTECTED_MARK = "protected_mark", _("Protected mark")


class TextPlace(models.TextChoices):
    """Where in a product a term was found (CMP-3)."""

    TITLE = "title", _("Title")
    KEYWORDS = "keywords", _("Keywords")
    ATTRIBUTES = "attributes", _("Attributes")
    DESCRIPTION = "description", _("Description")


class ChemicalListing(models.TextChoices):
    """Which list of the chemicals rules a substance is on (CMP-4)."""

    # Translators: 禁止销售
    FORBIDDEN = "forbidden", _("Forbidden")
    # Translators: 限制销售
    RESTRICTED = "restricted", pgettext_lazy("chemical", "Restricted")


class MarkCaseState(models.TextChoices):
    """How far a suspected infringement came (CMP-5)."""

    OPEN = "open", pgettext_lazy("case", "Open")
    ANSWERED = "answered", _("Waiting for staff")
    FIXED = "fixed", _("Fixed")
    AUTHORISED = "authorised", _("Authorised")
    OUTSIDE_SCOPE = "outside_scope", _("Outside the protected scope")
    INFRINGING = "infringing", _("Infringing")


class EffectKind(models.TextChoices):
    """What a penalty does besides its points (CMP-6)."""

    # Translators: 商品降权
    PRODUCT_DEMOTED = "product_demoted", _("Product shown further down")
    # Translators: 店铺降权（限流）
    SHOP_DEMOTED = "shop_demoted", _("Shop shown further down")
    SERVICE_CLOSED = "service_closed", _("Service closed")
    SHOP_CLOSED = "shop_closed", _("Shop closed")


class AppealReason(models.TextChoices):
    """Why a shop appeals (CMP-8)."""

    BUYER_ASKED = "buyer_asked", _("The buyer asked not to")
    # Translators: 客观原因不能操作
    IMPOSSIBLE = "impossible", _("Objectively impossible")
    OTHER = "other", _("Another reason")


class AppealStatus(models.TextChoices):
    """How far an appeal came (CMP-8)."""

    OPEN = "open", pgettext_lazy("appeal", "Open")
    # "Upheld" alone would leave open whether the penalty or the appeal is meant.
    PENALTY_UPHELD = "penalty_upheld", _("The penalty stands")
    OVERTURNED = "overturned", _("The penalty is overturned")
