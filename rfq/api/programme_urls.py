"""Routes of orders from RFQ, of the GMV challenge and of spam reports."""

from django.urls import path

from rfq.api import challenge, orders, spam

urlpatterns = [
    path("orders", orders.RfqOrderListView.as_view(), name="orders"),
    path("orders/<str:order_id>/link", orders.OrderLinkView.as_view(), name="order-link"),
    path("challenge/<str:month>", challenge.ChallengeView.as_view(), name="challenge"),
    path("challenge/<str:month>/enrol", challenge.EnrolView.as_view(), name="challenge-enrol"),
    path("challenge/<str:month>/claim", challenge.ClaimView.as_view(), name="challenge-claim"),
    path("spam-reports", spam.SpamReportListView.as_view(), name="spam-reports"),
    path("rfqs/<str:rfq_id>/spam-reports", spam.SpamReportView.as_view(), name="spam-report"),
]
