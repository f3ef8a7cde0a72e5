"""Pages of the service score."""

from django.urls import path

from rfq.views import score, score_simulation

urlpatterns = [
    path("score/", score.ScorePage.as_view(), name="score"),
    path("score/simulate/", score_simulation.SimulatePage.as_view(), name="score-simulate"),
]
