"""Routes of task packs and their rewards."""

from django.urls import path

from growth.api import packs

urlpatterns = [
    path("packs", packs.PackListView.as_view(), name="packs"),
    path("packs/<str:code>", packs.PackView.as_view(), name="pack"),
    path("packs/<str:code>/claim", packs.PackClaimView.as_view(), name="pack-claim"),
    path("rewards", packs.RewardListView.as_view(), name="rewards"),
    path("rewards/<int:pk>/choose", packs.RewardChooseView.as_view(), name="reward-choose"),
    path("rewards/<int:pk>/use", packs.RewardUseView.as_view(), name="reward-use"),
]
