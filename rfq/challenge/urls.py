"""Pages of the GMV challenge; a month is written YYYY-MM."""

from django.urls import path

from rfq.views import challenge

urlpatterns = [
    path("challenge/", challenge.ChallengePage.as_view(), name="challenge"),
    path("challenge/<str:month>/", challenge.ChallengePage.as_view(), name="challenge-month"),
    path("challenge/<str:month>/enrol/", challenge.Enrol.as_view(), name="challenge-enrol"),
    path("challenge/<str:month>/claim/", challenge.ClaimRights.as_view(), name="challenge-claim"),
]
