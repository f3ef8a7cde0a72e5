"""One RFQ: what is asked, who may quote and why not, the unsolicited offer (RFQ-1, RFQ-3, RFQ-4)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.choices import Action
from portal.country_names import country_name
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.views.base import SellerPage
from rfq.market.rows import MarketRow, market_rows
from rfq.models import Rfq, UnsolicitedOffer
from rfq.quotes.reading import attachments_of
from rfq.services.offers import (
    LEAST_PRICE,
    MAX_MESSAGE,
    MAX_TITLE,
    offer_refusal,
    offer_submit,
    offers_until,
)
from rfq.views.quote_form import rfq_or_404


class OfferForm(forms.Form):
    """Title, price and message of an unsolicited offer."""

    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=MAX_TITLE,
        widget=forms.TextInput(attrs={"class": "form-control"}),
    )
    price = forms.DecimalField(
        label=gettext_lazy("Price for one unit (USD)"),
        min_value=LEAST_PRICE,
        max_digits=14,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"class": "form-control", "step": "any"}),
    )
    message = forms.CharField(
        label=gettext_lazy("Message"),
        max_length=MAX_MESSAGE,
        widget=forms.Textarea(attrs={"class": "form-control", "rows": 6}),
        help_text=gettext_lazy("Why the buyer should invite you: capacity, certificates, brands."),
    )


class RfqPage(SellerPage):
    """`/rfq/rfqs/<rfq_id>/`."""

    def get(self, request: MemberRequest, rfq_id: str) -> HttpResponse:
        """Show the RFQ."""
        rfq = rfq_or_404(rfq_id, platform_time.now())
        return show(request, rfq, OfferForm())


class OfferPage(SellerPage):
    """`/rfq/rfqs/<rfq_id>/offer/`: makes the unsolicited offer."""

    write_action = Action.QUOTE
    http_method_names = ["post"]

    def post(self, request: MemberRequest, rfq_id: str) -> HttpResponse:
        """Make the offer, or show the page again with what is wrong."""
        rfq = rfq_or_404(rfq_id, platform_time.now())
        form = OfferForm(request.POST)
        if not form.is_valid():
            return show(request, rfq, form, status=400)
        try:
            offer_submit(member=request.member, rfq=rfq, **form.cleaned_data)
        except InvalidInput as refusal:
            for name, text in refusal.fields:
                form.add_error(name, text)
            return show(request, rfq, form, status=400)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return show(request, rfq, form, status=409)
        messages.success(
            request, _("Your offer is with the platform. You are told what comes of it.")
        )
        return redirect("rfq:rfq", rfq.rfq_id)


def show(request: MemberRequest, rfq: Rfq, form: OfferForm, *, status: int = 200) -> HttpResponse:
    """Render the page of an RFQ; a constant number of queries."""
    [row] = market_rows([rfq], request.seller, platform_time.now(), user=request.user)
    context = {
        "row": row,
        "rfq": rfq,
        "clock": row.clock,
        "badge": row.badge,
        "country": row.country,
        "destination": country_name(rfq.destination),
        "attachments": attachments_of(rfq),
        "form": form,
        "may_quote": request.member.can(Action.QUOTE),
        **offer_context(request, row),
    }
    return render(request, "rfq/rfq.html", context, status=status)


def offer_context(request: MemberRequest, row: MarketRow) -> dict[str, Any]:
    """Return the offer there is, or whether one can be made."""
    refused = row.refusal is not None and row.refusal.code == "not_invited"
    offer = UnsolicitedOffer.objects.filter(rfq=row.rfq).first()
    if offer is not None or not refused:
        return {"offer": offer}
    why_not = offer_refusal(seller=request.seller, rfq=row.rfq, now=row.now)
    return {"offer": None, "offers_until": offers_until(row.rfq), "offers_closed": why_not}
