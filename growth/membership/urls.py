"""Pages of rights, strength labels and buyers' cards."""

from django.urls import path

from growth.views import rights, strength

urlpatterns = [
    path("rights/", rights.RightsPage.as_view(), name="rights"),
    path("rights/upgrade/", rights.UpgradePage.as_view(), name="rights-upgrade"),
    path(
        "rights/upgrade/<int:pk>/cancel/",
        rights.UpgradeCancel.as_view(),
        name="rights-upgrade-cancel",
    ),
    path("strength-labels/", strength.LabelsPage.as_view(), name="strength-labels"),
    path("supplier-card/", strength.CardPage.as_view(), name="supplier-card"),
]
