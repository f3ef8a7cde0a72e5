"""Pages of orders from RFQ."""

from django.urls import path

from rfq.views import orders

urlpatterns = [
    path("orders/", orders.RfqOrdersPage.as_view(), name="orders"),
    path("orders/<str:order_id>/link/", orders.OrderLinkPage.as_view(), name="order-link"),
    path(
        "quotes/<int:pk>/link-order/", orders.QuoteLinkOrderPage.as_view(), name="quote-link-order"
    ),
]
