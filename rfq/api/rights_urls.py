"""Routes of balances and ledger."""

from django.urls import path

from rfq.api import rights

urlpatterns = [
    path("balances", rights.BalancesView.as_view(), name="balances"),
    path("ledger", rights.LedgerList.as_view(), name="ledger"),
]
