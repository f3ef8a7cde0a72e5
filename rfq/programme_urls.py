"""Pages of orders from RFQ, of the GMV challenge and of spam reports."""

from django.urls import path

from rfq.views import challenge, orders, spam

urlpatterns = [
    path("orders/", orders.RfqOrdersPage.as_view(), name="orders"),
    path("orders/<str:order_id>/link/", orders.OrderLinkPage.as_view(), name="order-link"),
    path(
        "quotes/<int:pk>/link-order/", orders.QuoteLinkOrderPage.as_view(), name="quote-link-order"
    ),
    path("challenge/", challenge.ChallengePage.as_view(), name="challenge"),
    path("challenge/<str:month>/", challenge.ChallengePage.as_view(), name="challenge-month"),
    path("challenge/<str:month>/enrol/", challenge.Enrol.as_view(), name="challenge-enrol"),
    path("challenge/<str:month>/claim/", challenge.ClaimRights.as_view(), name="challenge-claim"),
    path("rfqs/<str:rfq_id>/spam-report/", spam.SpamReportPage.as_view(), name="spam-report"),
    path("spam-reports/", spam.SpamReportsPage.as_view(), name="spam-reports"),
]
