"""Kernel models, grouped by what they are about."""

from portal.models.bulletins import Bulletin, BulletinQuestion, BulletinRead
from portal.models.catalogue import Attribute, Category, CategoryAttribute, CategoryClosure
from portal.models.clock import DemoClock
from portal.models.facts import (
    Buyer,
    BuyerVisit,
    Dispute,
    ExternalMetric,
    Inquiry,
    LoginDay,
    Order,
    OrderLine,
    ProductDay,
    ShowcaseUse,
)
from portal.models.files import IdempotentAnswer, StoredFile
from portal.models.ingest import IngestBatch
from portal.models.metrics import MetricValue, MetricValueChange
from portal.models.nights import JobRun, NightRun, ShardRun
from portal.models.notices import Notice, NoticePreference
from portal.models.people import Member, Seller, SellerFlag, User
from portal.models.rulebooks import Rulebook
from portal.models.webhooks import (
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    WebhookSubscription,
)

__all__ = [
    "Attribute",
    "Bulletin",
    "BulletinQuestion",
    "BulletinRead",
    "Buyer",
    "BuyerVisit",
    "Category",
    "CategoryAttribute",
    "CategoryClosure",
    "DemoClock",
    "Dispute",
    "ExternalMetric",
    "IdempotentAnswer",
    "IngestBatch",
    "Inquiry",
    "JobRun",
    "LoginDay",
    "Member",
    "MetricValue",
    "MetricValueChange",
    "NightRun",
    "Notice",
    "NoticePreference",
    "Order",
    "OrderLine",
    "ProductDay",
    "Rulebook",
    "Seller",
    "SellerFlag",
    "ShardRun",
    "ShowcaseUse",
    "StoredFile",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "WebhookSubscription",
]
