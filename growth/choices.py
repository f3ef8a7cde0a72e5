"""Statuses and fixed vocabularies of `growth`; nothing else."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Stage(models.TextChoices):
    """Where a shop stands on its way (GRO-1)."""

    # Translators: 签约付款-开通前
    PRE_OPENING = "pre_opening", _("Before opening")
    # Translators: 开通30日内
    NOVICE_30 = "novice_30", _("First 30 days")
    # Translators: 开通90日内
    NOVICE_90 = "novice_90", _("First 90 days")
    # Translators: 成熟期
    MATURE = "mature", _("Mature")


class Phase(models.TextChoices):
    """Milestones of the first 90 days, in the order of the edition in force (GRO-3)."""

    # Translators: 商机
    OPPORTUNITIES = "opportunities", _("Opportunities")
    ORDER = "order", _("First order")
    GMV = "gmv", _("Money received")
    STAR = "star", _("First star")


class Operator(models.TextChoices):
    """How a task or a condition compares (GRO-5, 09-contract)."""

    EQ = "eq", _("is")
    NE = "ne", _("is not")
    GTE = "gte", _("at least")
    GT = "gt", _("more than")
    LTE = "lte", _("at most")
    LT = "lt", _("less than")
    IN = "in", _("one of")


class PackEdition(models.TextChoices):
    """Whose packs these are; it decides the day rewards are granted by (GRO-8)."""

    # Translators: 金品专属
    VERIFIED = "verified", _("Verified sellers")
    GENERAL = "general", pgettext_lazy("pack", "All sellers")


class PackState(models.TextChoices):
    """Where one shop stands with one pack (09-contract)."""

    NOT_ELIGIBLE = "not_eligible", _("Not for your shop")
    NOT_OPEN = "not_open", _("Not open yet")
    OPEN = "open", _("To be claimed")
    CLAIMED = "claimed", pgettext_lazy("pack", "Claimed")
    COMPLETE = "complete", pgettext_lazy("pack", "Complete")
    REWARDED = "rewarded", _("Rewarded")
    FAILED = "failed", _("Not completed")
    QUOTA_SPENT = "quota_spent", _("Places spent")
    ENDED = "ended", pgettext_lazy("pack", "Over")


class ClaimOutcome(models.TextChoices):
    """What became of a claim once the last day was counted; empty before (GRO-7)."""

    REWARDED = "rewarded", _("Rewarded")
    FAILED = "failed", _("Not completed")
    QUOTA_SPENT = "quota_spent", _("Places spent")


class RewardKind(models.TextChoices):
    """What a pack gives (GRO-8)."""

    # Translators: 工具券
    TOOL_COUPON = "tool_coupon", _("Tool coupon")
    # Translators: 橱窗
    SHOWCASE_SLOTS = "showcase_slots", _("Showcase slots")
    PROGRAMME_PLACE = "programme_place", _("Place in a programme")


class RewardStatus(models.TextChoices):
    """Life of a reward in a shop's hands (GRO-8)."""

    GRANTED = "granted", _("To be used")
    USED = "used", pgettext_lazy("reward", "Used")
    LAPSED = "lapsed", _("Lapsed")


class BenchmarkScope(models.TextChoices):
    """Over whom a benchmark was taken (GRO-11)."""

    STARRED = "starred", _("sellers of your industry with a star")
    INDUSTRY = "industry", _("sellers of your industry")


class Power(models.TextChoices):
    """The four powers of a merchant's star level (GRO-12)."""

    # Translators: 交易力
    TRADE = "trade", _("Trade power")
    # Translators: 商品力
    PRODUCT = "product", _("Product power")
    # Translators: 营销力
    MARKETING = "marketing", _("Marketing power")
    # Translators: 保障力
    GUARANTEE = "guarantee", _("Guarantee power")


class ProgrammeKind(models.TextChoices):
    """What a programme is (GRO-17)."""

    # Translators: 官方活动
    ACTIVITY = "activity", pgettext_lazy("programme", "Activity")
    CHANNEL = "channel", _("Channel")
    SERVICE = "service", _("Service")
    OFFER = "offer", _("Offer")


class EnrolmentState(models.TextChoices):
    """Life of an enrolment (GRO-17)."""

    APPLIED = "applied", _("Applied")
    IN_REVIEW = "in_review", pgettext_lazy("enrolment", "In review")
    ACTIVE = "active", pgettext_lazy("enrolment", "Enrolled")
    LEFT = "left", pgettext_lazy("enrolment", "Left")
    REMOVED = "removed", pgettext_lazy("enrolment", "Removed")
    REFUSED = "refused", pgettext_lazy("enrolment", "Refused")
    EXPIRED = "expired", pgettext_lazy("enrolment", "Ended")


ENROLMENT_TRANSITIONS = {
    EnrolmentState.APPLIED: {
        EnrolmentState.IN_REVIEW,
        EnrolmentState.ACTIVE,
        EnrolmentState.REFUSED,
        EnrolmentState.LEFT,
    },
    EnrolmentState.IN_REVIEW: {
        EnrolmentState.ACTIVE,
        EnrolmentState.REFUSED,
        EnrolmentState.LEFT,
    },
    EnrolmentState.ACTIVE: {
        EnrolmentState.LEFT,
        EnrolmentState.REMOVED,
        EnrolmentState.EXPIRED,
    },
    EnrolmentState.LEFT: set(),
    EnrolmentState.REMOVED: set(),
    EnrolmentState.REFUSED: set(),
    EnrolmentState.EXPIRED: set(),
}
OPEN_ENROLMENTS = (EnrolmentState.APPLIED, EnrolmentState.IN_REVIEW, EnrolmentState.ACTIVE)
"""States in which a shop has one enrolment per programme at most."""


class RenewalStatus(models.TextChoices):
    """A request to renew an enrolment that will end (GRO-18)."""

    OPEN = "open", pgettext_lazy("renewal", "Waiting for staff")
    GRANTED = "granted", pgettext_lazy("renewal", "Granted")
    REFUSED = "refused", pgettext_lazy("renewal", "Refused")
    # The membership ended before anybody answered.
    OVER = "over", pgettext_lazy("renewal", "Over with the membership")


class RightGroup(models.TextChoices):
    """Groups of the membership rights page (GRO-15)."""

    # Translators: 营销工具
    TOOLS = "tools", _("Marketing tools")
    # Translators: 流量场景
    TRAFFIC = "traffic", _("Traffic scenes")
    # Translators: 实力彰显
    STRENGTH = "strength", _("Strength display")
    # Translators: 专属服务
    SERVICES = "services", _("Exclusive services")


class RightState(models.TextChoices):
    """Whether a shop makes use of a right of its membership (GRO-15)."""

    # Translators: 已使用
    USED = "used", pgettext_lazy("right", "In use")
    # Translators: 未使用
    UNUSED = "unused", pgettext_lazy("right", "Not used yet")
    # Translators: 待解锁
    LOCKED = "locked", pgettext_lazy("right", "Locked")


class AffiliationWay(models.TextChoices):
    """How two companies hang together so that they count as one combined company (GRO-16)."""

    # Translators: 互为股东或有共同股东
    SHARES = "shares", _("Mutual or common shareholder")
    # Translators: 一致行动书
    CONCERT = "concert", _("Concert agreement")
    # Translators: 同一法人
    LEGAL_PERSON = "legal_person", _("Same legal person")
