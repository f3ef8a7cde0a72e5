"""Pages of rights."""

from django.urls import path

from rfq.views import rights

urlpatterns = [
    path("rights/", rights.RightsPage.as_view(), name="rights"),
    path("rights/statement.csv", rights.StatementExport.as_view(), name="rights-export"),
]
