"""The market over the API; an RFQ id is any text without a slash."""

from django.urls import path

from rfq.api import rfqs

urlpatterns = [
    path("rfqs", rfqs.RfqListView.as_view(), name="rfqs"),
    path("rfqs/<str:rfq_id>", rfqs.RfqDetailView.as_view(), name="rfq"),
    path("rfqs/<str:rfq_id>/offers", rfqs.OfferView.as_view(), name="offers"),
    path("searches", rfqs.SearchListView.as_view(), name="searches"),
    path("searches/<int:pk>", rfqs.SearchView.as_view(), name="search"),
]
