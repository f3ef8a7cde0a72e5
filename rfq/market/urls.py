"""Pages of the market; an RFQ id is any text without a slash."""

from django.urls import path

from rfq.views import market, rfq, searches

urlpatterns = [
    path("", market.MarketPageView.as_view(), name="market"),
    path("rfqs/<str:rfq_id>/", rfq.RfqPage.as_view(), name="rfq"),
    path("rfqs/<str:rfq_id>/offer/", rfq.OfferPage.as_view(), name="rfq-offer"),
    path("searches/", searches.SearchSave.as_view(), name="search-save"),
    path("searches/<int:pk>/", searches.SearchChange.as_view(), name="search-change"),
    path("searches/<int:pk>/delete/", searches.SearchDelete.as_view(), name="search-delete"),
]
