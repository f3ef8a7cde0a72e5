"""Routes around quotes: drafts, templates, self-check, follow-ups, figures."""

from django.urls import path

from rfq.api import quote_tools

urlpatterns = [
    path("drafts", quote_tools.DraftListView.as_view(), name="drafts"),
    path("rfqs/<str:rfq_id>/draft", quote_tools.DraftView.as_view(), name="draft"),
    path("templates", quote_tools.TemplateListView.as_view(), name="templates"),
    path("templates/<int:pk>", quote_tools.TemplateView.as_view(), name="template"),
    path("self-check", quote_tools.SelfCheckView.as_view(), name="self-check"),
    path("follow-ups", quote_tools.FollowUpListView.as_view(), name="follow-ups"),
    path(
        "quotes/<int:pk>/follow-ups",
        quote_tools.QuoteFollowUpsView.as_view(),
        name="quote-follow-ups",
    ),
    path("quotes/attention", quote_tools.AttentionListView.as_view(), name="quotes-attention"),
    path("quotes/funnel", quote_tools.FunnelView.as_view(), name="quotes-funnel"),
]
