"""Routes of quotes; an RFQ id is any text without a slash."""

from django.urls import path

from rfq.api import quotes

urlpatterns = [
    path("rfqs/<str:rfq_id>/quotes", quotes.QuoteSubmitView.as_view(), name="quote-submit"),
    path("rfqs/<str:rfq_id>/buyer-list", quotes.BuyerListView.as_view(), name="buyer-list"),
    path("quotes", quotes.QuoteListView.as_view(), name="quotes"),
    path("quotes/<int:pk>", quotes.QuoteDetailView.as_view(), name="quote"),
    path("quotes/<int:pk>/withdraw", quotes.QuoteWithdrawView.as_view(), name="quote-withdraw"),
    path("quotes/<int:pk>/pin", quotes.QuotePinView.as_view(), name="quote-pin"),
]
