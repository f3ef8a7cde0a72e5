"""Routes of rights, strength labels and buyers' cards."""

from django.urls import path

from growth.api import rights, strength

urlpatterns = [
    path("rights", rights.RightsView.as_view(), name="rights"),
    path("upgrade-request", rights.UpgradeRequestView.as_view(), name="upgrade-request"),
    path(
        "upgrade-request/cancel",
        rights.UpgradeRequestCancelView.as_view(),
        name="upgrade-request-cancel",
    ),
    path("strength-labels", strength.StrengthLabelsView.as_view(), name="strength-labels"),
    path("supplier-card", strength.SupplierCardView.as_view(), name="supplier-card"),
]
