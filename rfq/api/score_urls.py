"""Routes of the service score."""

from django.urls import path

from rfq.api import score

urlpatterns = [
    path("score", score.ScoreView.as_view(), name="score"),
    path("score/outlook", score.ScoreOutlookView.as_view(), name="score-outlook"),
    path("score/history", score.ScoreHistoryView.as_view(), name="score-history"),
    path("score/simulate", score.SimulateView.as_view(), name="score-simulate"),
]
