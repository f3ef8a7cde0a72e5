"""Pages of themes and matches."""

from django.urls import path

from listings.views import matches, themes

urlpatterns = [
    path("themes/", themes.ThemesPage.as_view(), name="themes"),
    path("themes/<str:theme_id>/", themes.ThemePage.as_view(), name="theme"),
    path("benefits/", themes.BenefitsPage.as_view(), name="theme-benefits"),
    path("matches/", matches.MatchesPage.as_view(), name="matches"),
    path("matches/history/", matches.MatchHistoryPage.as_view(), name="match-history"),
]
