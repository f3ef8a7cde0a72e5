"""Routes of webhooks, below `/api/v1/`."""

from django.urls import path

from portal.api import webhooks

urlpatterns = [
    path("webhook-events", webhooks.WebhookEventKinds.as_view(), name="webhook-events"),
    path("webhooks", webhooks.WebhookList.as_view(), name="webhooks"),
    path("webhooks/<uuid:uid>", webhooks.WebhookDetail.as_view(), name="webhook"),
    path("webhooks/<uuid:uid>/rotate", webhooks.WebhookRotate.as_view(), name="webhook-rotate"),
    path("webhooks/<uuid:uid>/pause", webhooks.WebhookPause.as_view(), name="webhook-pause"),
    path("webhooks/<uuid:uid>/resume", webhooks.WebhookResume.as_view(), name="webhook-resume"),
    path("webhooks/<uuid:uid>/test", webhooks.WebhookTest.as_view(), name="webhook-test"),
    path("webhooks/<uuid:uid>/replay", webhooks.WebhookReplay.as_view(), name="webhook-replay"),
    path(
        "webhooks/<uuid:uid>/deliveries",
        webhooks.WebhookDeliveryList.as_view(),
        name="webhook-deliveries",
    ),
    path(
        "webhooks/<uuid:uid>/deliveries/<str:event>",
        webhooks.WebhookDeliveryDetail.as_view(),
        name="webhook-delivery",
    ),
    path(
        "webhooks/<uuid:uid>/deliveries/<str:event>/replay",
        webhooks.WebhookDeliveryReplay.as_view(),
        name="webhook-delivery-replay",
    ),
]
