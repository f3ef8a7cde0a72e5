"""Statuses and fixed vocabularies of the kernel; nothing else."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Membership(models.TextChoices):
    """Paid membership of a seller (K-6)."""

    BASIC = "basic", _("Gold Supplier")
    VERIFIED = "verified", _("Verified Supplier")


class CompanyType(models.TextChoices):
    """What a seller's company does (K-6)."""

    MANUFACTURER = "manufacturer", _("Manufacturer")
    TRADER = "trader", _("Trading company")
    COMBINED = "combined", _("Manufacturer and trader")


class SellerStatus(models.TextChoices):
    """Whether a shop trades (K-6)."""

    ACTIVE = "active", _("Active")
    RESTRICTED = "restricted", _("Restricted")
    CLOSED = "closed", _("Closed")


SELLER_TRANSITIONS = {
    SellerStatus.ACTIVE: {SellerStatus.RESTRICTED, SellerStatus.CLOSED},
    SellerStatus.RESTRICTED: {SellerStatus.ACTIVE, SellerStatus.CLOSED},
    SellerStatus.CLOSED: {SellerStatus.ACTIVE},
}


class Role(models.TextChoices):
    """What a member may do in the shop (K-7)."""

    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    SALESPERSON = "salesperson", _("Salesperson")
    VIEWER = "viewer", _("Viewer")


class Action(models.TextChoices):
    """Abilities that roles grant; `ROLE_ACTIONS` says which (K-7)."""

    READ = "read"
    EDIT_PRODUCTS = "edit_products"
    QUOTE = "quote"
    MANAGE_MEMBERS = "manage_members"
    ENROL = "enrol"
    UPLOAD_CERTIFICATE = "upload_certificate"
    APPEAL = "appeal"
    MANAGE_WEBHOOKS = "manage_webhooks"


_SELL = {Action.READ, Action.EDIT_PRODUCTS, Action.QUOTE}
ROLE_ACTIONS: dict[str, set[Action]] = {
    Role.OWNER: set(Action),
    Role.MANAGER: _SELL,
    Role.SALESPERSON: _SELL,
    Role.VIEWER: {Action.READ},
}


class BuyerTier(models.TextChoices):
    """Buyer tier since 2022-08-01; gold and blue labels ended that day (K-10)."""

    L0 = "L0", "L0"
    L1 = "L1", "L1"
    L2 = "L2", "L2"
    L3 = "L3", "L3"
    L4 = "L4", "L4"


class AttributeType(models.TextChoices):
    """Kinds of system attribute (K-12)."""

    SELECT = "select", _("One of a list")
    MULTI = "multi", _("Several of a list")
    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")


class OrderChannel(models.TextChoices):
    """How an order was paid (K-13)."""

    TRADE_ASSURANCE = "trade_assurance", _("Trade Assurance")
    E_COLLECT = "e_collect", _("Online collection")


class TradeKind(models.TextChoices):
    """Ready to ship or made to order; the same two kinds for orders and products."""

    RTS = "rts", _("Ready to ship")
    CUSTOMIZATION = "customization", _("Customization")


class Tracking(models.TextChoices):
    """What the carrier's tracking shows (K-13)."""

    NORMAL = "normal", _("Normal")
    ABNORMAL = "abnormal", _("Abnormal")
    NONE = "none", _("No tracking")


class DisputeReason(models.TextChoices):
    """Why a buyer disputes an order (K-13)."""

    OUT_OF_STOCK = "out_of_stock", _("Out of stock")
    PRICE_RAISED = "price_raised", _("Price raised")
    FREIGHT_RAISED = "freight_raised", _("Freight raised")
    SELLER_RAISED = "seller_raised", _("Seller raised the total")
    LATE_DISPATCH = "late_dispatch", _("Not dispatched in time")
    WRONG_DESTINATION = "wrong_destination", _("Wrong destination or method")
    QUALITY = "quality", _("Quality")
    OTHER = "other", _("Other")


class RulebookStatus(models.TextChoices):
    """Life of a rulebook (K-16)."""

    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    WITHDRAWN = "withdrawn", _("Withdrawn")


RULEBOOK_TRANSITIONS = {
    RulebookStatus.DRAFT: {RulebookStatus.PUBLISHED, RulebookStatus.WITHDRAWN},
    RulebookStatus.PUBLISHED: {RulebookStatus.WITHDRAWN},  # before it takes effect
    RulebookStatus.WITHDRAWN: set(),
}


class RequestStatus(models.TextChoices):
    """How far staff came with what a shop asked them for (EPR-10, GRO-15)."""

    NEW = "new", pgettext_lazy("request", "New")
    IN_PROGRESS = "in_progress", _("In progress")
    DONE = "done", pgettext_lazy("request", "Done")
    CANCELLED = "cancelled", pgettext_lazy("request", "Cancelled")


REQUEST_TRANSITIONS = {
    RequestStatus.NEW: {RequestStatus.IN_PROGRESS, RequestStatus.DONE, RequestStatus.CANCELLED},
    RequestStatus.IN_PROGRESS: {RequestStatus.DONE, RequestStatus.CANCELLED},
    RequestStatus.DONE: set(),
    RequestStatus.CANCELLED: set(),
}
OPEN_REQUESTS = (RequestStatus.NEW, RequestStatus.IN_PROGRESS)
"""Those staff still have something to do with."""


class RunState(models.TextChoices):
    """State of a run, a job or a shard in the night's ledger (NGT-6)."""

    PENDING = "pending", _("Waiting")
    RUNNING = "running", _("Running")
    COMPLETE = "complete", _("Complete")
    FAILED = "failed", _("Failed")


class MailState(models.TextChoices):
    """State of a notice's e-mail in the outbox (K-18)."""

    NONE = "none", _("No e-mail")
    PENDING = "pending", _("Waiting")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")


class WebhookStatus(models.TextChoices):
    """Whether an endpoint is sent anything (API-1)."""

    ACTIVE = "active", pgettext_lazy("webhook", "Active")
    # Translators: 已暂停
    PAUSED = "paused", pgettext_lazy("webhook", "Paused")
    # Translators: 已停用
    DISABLED = "disabled", pgettext_lazy("webhook", "Disabled")


class WebhookDisabled(models.TextChoices):
    """Why the platform disabled an endpoint (API-1)."""

    # Translators: 连续多日投递失败
    FAILING = "failing", _("Nothing could be delivered for days")
    # Translators: 接收方回复 410，表示不再接收
    GONE = "gone", _("It answered 410: it wants nothing any more")
    # Translators: 由平台停用
    STAFF = "staff", _("Disabled by the platform")


class DeliveryState(models.TextChoices):
    """State of an event on its way to one endpoint (API-1)."""

    # Translators: 待投递
    PENDING = "pending", pgettext_lazy("webhook", "Waiting")
    # Translators: 已送达
    DELIVERED = "delivered", pgettext_lazy("webhook", "Delivered")
    # Translators: 投递失败
    FAILED = "failed", pgettext_lazy("webhook", "Failed")


class DeliveryError(models.TextChoices):
    """Why an event did not arrive (API-1)."""

    # Translators: 接收方返回的状态码不是 2xx
    STATUS = "status", _("It did not answer 2xx")
    # Translators: 重定向不会被跟随
    REDIRECT = "redirect", _("It answered with a redirect, which is not followed")
    TIMEOUT = "timeout", _("It did not answer in time")
    CONNECTION = "connection", _("No connection")
    # Translators: TLS 证书无效或不受信任
    TLS = "tls", _("Its TLS certificate is not valid or not trusted")
    # Translators: 域名无法解析
    UNKNOWN_HOST = "unknown_host", _("Its host name is not known")
    # Translators: 该地址不在公网
    ADDRESS = "address", _("Its address is not on the public internet, or not allowed")
    ANSWER = "answer", _("Its answer was not HTTP")
    # Translators: 投递期间工作进程中断
    LOST = "lost", _("The last attempt was interrupted")
    DISABLED = "disabled", _("The endpoint was disabled")


class NoticeAudience(models.TextChoices):
    """Whom a kind of notice speaks to (K-18)."""

    SELLER = "seller", _("Members of a shop")
    STAFF = "staff", _("Platform staff")


class MetricUnit(models.TextChoices):
    """What a metric counts (K-14)."""

    COUNT = "count", _("Number")
    DAYS = "days", _("Days")
    USD = "usd", _("USD")
    PERCENT = "percent", _("Percent")
