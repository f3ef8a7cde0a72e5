"""What compliance tells the webhooks of shops (API-1, EPR-7)."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from compliance.models import CertificateEvent
from portal.services.webhook_events import WebhookDraft, api_address, webhook_publish
from portal.webhooks.events import register_webhook_event

CERTIFICATE_DECIDED = "certificate.decided"

register_webhook_event(
    CERTIFICATE_DECIDED,
    # Translators: 资质审核结果
    label=_("Certificate decided"),
    about=_("A certificate was approved or rejected, or its approval was revoked."),
    example={
        "type": "epr",
        "country": "DE",
        "category": "packaging",
        "number": "DE1234567890123",
        "decision": "rejected",
        "status": "rejected",
        "reason": {"code": "unreadable", "en": "The file cannot be read.", "zh": "文件无法辨认。"},
        "valid_until": None,
        "url": "https://portal.example.com/api/v1/compliance/certificates/12",
    },
)


def certificate_decided_publish(event: CertificateEvent) -> int:
    """Tell the shop's endpoints what an event of a certificate decided; `decision` is the event's kind."""
    certificate = event.certificate
    draft = WebhookDraft(
        type=CERTIFICATE_DECIDED,
        key=f"{CERTIFICATE_DECIDED}:{event.pk}",
        seller_id=certificate.seller_id,
        occurred_at=event.at,
        data={
            "type": certificate.type,
            "country": certificate.country,
            "category": certificate.category,
            "number": certificate.number_typed,
            "decision": event.kind,
            "status": certificate.status,
            "reason": {
                "code": event.reason_code,
                "en": event.reason_en,
                "zh": event.reason_zh,
            },
            "valid_until": certificate.valid_until,
            "url": api_address(reverse("api:compliance:certificate", args=[certificate.pk])),
        },
    )
    return webhook_publish([draft])
