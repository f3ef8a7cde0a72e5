"""Pages of the shop's webhooks, below `/webhooks/`."""

from django.urls import path

from portal.views import webhook_deliveries, webhooks

urlpatterns = [
    path("", webhooks.WebhooksPage.as_view(), name="webhooks"),
    path("new/", webhooks.WebhookNew.as_view(), name="webhook-new"),
    path("<uuid:uid>/", webhook_deliveries.WebhookPage.as_view(), name="webhook"),
    path("<uuid:uid>/edit/", webhooks.WebhookEdit.as_view(), name="webhook-edit"),
    path("<uuid:uid>/secret/", webhooks.WebhookSecret.as_view(), name="webhook-secret"),
    path("<uuid:uid>/rotate/", webhooks.WebhookRotate.as_view(), name="webhook-rotate"),
    path("<uuid:uid>/pause/", webhooks.WebhookPause.as_view(), name="webhook-pause"),
    path("<uuid:uid>/resume/", webhooks.WebhookResume.as_view(), name="webhook-resume"),
    path("<uuid:uid>/delete/", webhooks.WebhookDelete.as_view(), name="webhook-delete"),
    path("<uuid:uid>/test/", webhook_deliveries.WebhookTest.as_view(), name="webhook-test"),
    path("<uuid:uid>/replay/", webhook_deliveries.WebhookReplay.as_view(), name="webhook-replay"),
    path(
        "<uuid:uid>/deliveries/<str:event>/",
        webhook_deliveries.DeliveryPage.as_view(),
        name="webhook-delivery",
    ),
    path(
        "<uuid:uid>/deliveries/<str:event>/replay/",
        webhook_deliveries.DeliveryReplay.as_view(),
        name="webhook-delivery-replay",
    ),
]
