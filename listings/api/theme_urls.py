"""Routes of themes, the check and the matched list; a theme id is any text on one line."""

from django.urls import path

from listings.api import themes

urlpatterns = [
    path("themes", themes.ThemeListView.as_view(), name="themes"),
    path("themes/<path:theme_id>/similar", themes.SimilarView.as_view(), name="theme-similar"),
    path("themes/<path:theme_id>", themes.ThemeDetailView.as_view(), name="theme-detail"),
    path("check", themes.CheckView.as_view(), name="check"),
    path("matches", themes.MatchListView.as_view(), name="matches"),
    path("matches/history", themes.MatchHistoryView.as_view(), name="match-history"),
    path("benefits", themes.BenefitsView.as_view(), name="benefits"),
]
