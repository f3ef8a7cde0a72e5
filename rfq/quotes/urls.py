"""Pages of quotes, their drafts and templates."""

from django.urls import path

from rfq.views import quote, quote_form, quote_templates, quotes

urlpatterns = [
    path("rfqs/<str:rfq_id>/quote/", quote_form.QuoteFormPage.as_view(), name="quote-form"),
    path("rfqs/<str:rfq_id>/draft/", quote_form.QuoteDraftSave.as_view(), name="quote-draft"),
    path("quotes/", quotes.QuotesPage.as_view(), name="quotes"),
    path("quotes/export/", quotes.QuotesExport.as_view(), name="quote-export"),
    path("quotes/funnel/", quotes.QuoteFunnelPage.as_view(), name="quote-funnel"),
    path("quotes/<int:pk>/", quote.QuotePage.as_view(), name="quote"),
    path("quotes/<int:pk>/sent/", quote.QuoteSentPage.as_view(), name="quote-sent"),
    path("quotes/<int:pk>/pin/", quote.QuotePin.as_view(), name="quote-pin"),
    path("quotes/<int:pk>/revise/", quote.QuoteRevise.as_view(), name="quote-revise"),
    path("quotes/<int:pk>/withdraw/", quote.QuoteWithdraw.as_view(), name="quote-withdraw"),
    path("quotes/<int:pk>/follow-up/", quote.QuoteFollowUp.as_view(), name="quote-follow-up"),
    path("templates/", quote_templates.TemplatesPage.as_view(), name="templates"),
    path("templates/new/", quote_templates.TemplatePage.as_view(), name="template-new"),
    path("templates/<int:pk>/", quote_templates.TemplatePage.as_view(), name="template"),
    path(
        "templates/<int:pk>/delete/",
        quote_templates.TemplateDelete.as_view(),
        name="template-delete",
    ),
]
