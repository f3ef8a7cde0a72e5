"""Pages of task packs and of the rewards they brought."""

from django.urls import path

from growth.views import packs

urlpatterns = [
    path("packs/", packs.PacksPage.as_view(), name="packs"),
    path("packs/<slug:code>/", packs.PackPage.as_view(), name="pack"),
    path("packs/<slug:code>/claim/", packs.PackClaim.as_view(), name="pack-claim"),
    path("rewards/", packs.RewardsPage.as_view(), name="rewards"),
    path("rewards/<int:pk>/choose/", packs.RewardChoose.as_view(), name="reward-choose"),
    path("rewards/<int:pk>/use/", packs.RewardUse.as_view(), name="reward-use"),
]
