"""The trade gate at the top of the API, where upstream systems look for it."""

from django.urls import path

from compliance.api import gate

urlpatterns: list = [
    path("trade-gate", gate.TradeGateView.as_view(), name="trade-gate"),
]
