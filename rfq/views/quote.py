"""One quote: what it says, what became of it, and what may be done with it (RFQ-6, RFQ-7, RFQ-11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import platform_time
from portal.choices import Action
from portal.country_names import country_name
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.models import Seller
from portal.product_links import product_titles
from portal.services.buyers import buyer_badges
from portal.services.files import file_url
from portal.views.base import SellerPage
from rfq.choices import QuoteOrigin, QuoteStatus
from rfq.market.access import closed
from rfq.market.queries import MarketQuery, market_page
from rfq.models import FollowUp, Pin, Quote, QuoteFile, Rfq
from rfq.quotes.forms import QuoteForm, content_of, terms_given
from rfq.quotes.queries import TONES, orders_by_quote
from rfq.quotes.reading import rights_used
from rfq.quotes.words import used_sentence
from rfq.services.follow_ups import WAITING, follow_up_tick, quote_follow_up
from rfq.services.pins import pins_left, quote_pin
from rfq.services.quotes import QuoteTerms, ended, quote_revise, quote_withdraw, terms_from
from rfq.services.rights import Balances, balances_of
from rfq.views.quote_form import content_posted, next_path

RECOMMENDED_SHOWN = 5


def quote_or_404(request: MemberRequest, pk: int) -> Quote:
    """Return one of the shop's quotes; foreign ones do not exist (K-8)."""
    quotes = Quote.objects.filter(
        seller=request.seller, submitted_at__lte=platform_time.now()
    ).select_related("rfq__category", "buyer", "submitted_by")
    quote = quotes.filter(pk=pk).first()
    if quote is None:
        raise Http404
    return quote


@dataclass(frozen=True)
class Event:
    """One entry of a quote's history."""

    at: datetime
    icon: str
    label: str
    note: str = ""


def events_of(quote: Quote, pin: Pin | None, now: datetime) -> list[Event]:
    """Return what happened to a quote until an instant, oldest first."""
    known = [event for event in _events(quote, pin) if event.at <= now]
    return sorted(known, key=lambda event: event.at)


def _events(quote: Quote, pin: Pin | None) -> Iterator[Event]:
    yield Event(quote.rfq.posted_at, "megaphone", _("The buyer posted the RFQ"))
    by = quote.submitted_by
    who = (by.get_full_name() or by.get_username()) if by else ""
    yield Event(quote.submitted_at, "send", _("Quote submitted"), who)
    later = (
        (quote.viewed_at, "eye", _("Viewed by the buyer")),
        (quote.replied_at, "chat-left-text", _("The buyer replied")),
        (quote.rejected_at, "x-circle", _("Rejected by the buyer")),
        (quote.accepted_at, "check-circle", _("Accepted by the buyer")),
        (quote.withdrawn_at, "arrow-counterclockwise", _("Withdrawn")),
        (quote.refunded_at, "cash-coin", _("Rights given back")),
    )
    yield from (Event(at, icon, label) for at, icon, label in later if at is not None)
    if pin is not None:
        place = _("Place %(slot)d") % {"slot": pin.slot}
        yield Event(pin.pinned_at, "pin-angle", _("Pinned"), place)
        if pin.released_at is not None and pin.released_at != quote.withdrawn_at:
            yield Event(pin.released_at, "pin", _("Pin place freed"), place)


@dataclass(frozen=True)
class PinState:
    """Whether a quote is pinned, or what pinning it would take."""

    pin: Pin | None
    places: int
    rights: int | None
    possible: bool

    @property
    def may_pin(self) -> bool:
        """Whether pinning would succeed as things stand."""
        return self.possible and self.pin is None and self.places > 0 and self.rights != 0


def pin_state(quote: Quote, pin: Pin | None, left: Balances, now: datetime) -> PinState:
    """Return the pin state of a quote; one query."""
    possible = quote.status in WAITING and closed(quote.rfq, now) is None
    return PinState(pin, pins_left([quote.rfq])[quote.rfq_id], left.pin, possible)


def used_text(quote: Quote, left: Balances) -> str:
    """Say what a quote used and what is left now; history from upstream used nothing here."""
    if quote.origin == QuoteOrigin.UPSTREAM:
        return _("None here: this quote is history from upstream.")
    return used_sentence(rights_used(quote), left)


class QuotePage(SellerPage):
    """A quote with its history, files, orders and follow-ups."""

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show the quote."""
        now = platform_time.now()
        quote = quote_or_404(request, pk)
        pin = Pin.objects.filter(quote=quote).first()
        left = balances_of(seller=request.seller)
        may_quote = request.member.can(Action.QUOTE)
        live = may_quote and ended(quote) is None
        titles = product_titles(seller=request.seller, product_ids=quote.products)
        files = QuoteFile.objects.filter(quote=quote).select_related("file").order_by("pk")
        return render(
            request,
            "rfq/quote.html",
            {
                "quote": quote,
                "rfq": quote.rfq,
                "tone": TONES[QuoteStatus(quote.status)],
                "state": quote.rfq.state(now),
                "badge": buyer_badges(seller=request.seller, buyers=[quote.buyer])[quote.buyer_id],
                "country": country_name(quote.buyer.country),
                "events": events_of(quote, pin, now),
                "pin": pin_state(quote, pin, left, now),
                "used_text": used_text(quote, left),
                "files": [(one.file, file_url(one.file)) for one in files],
                "products": [(one, titles.get(one, "")) for one in quote.products],
                "orders": orders_by_quote([quote], now).get(quote.pk, []),
                "follow_ups": FollowUp.objects.filter(quote=quote).order_by("due_on", "pk"),
                "today": platform_time.day_of(now),
                "may_quote": may_quote,
                "may_follow_up": may_quote and quote.status in WAITING,
                "may_revise": live and closed(quote.rfq, now) is None,
                "may_withdraw": live,
            },
        )


class QuoteSentPage(SellerPage):
    """What a quote just sent used, what is left, and what to do next (RFQ-7)."""

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show it; of a quote that was withdrawn there is only the quote itself."""
        now = platform_time.now()
        quote = quote_or_404(request, pk)
        if quote.withdrawn_at is not None:
            return redirect("rfq:quote", quote.pk)
        left = balances_of(seller=request.seller)
        pin = Pin.objects.filter(quote=quote).first()
        return render(
            request,
            "rfq/quote_sent.html",
            {
                "quote": quote,
                "rfq": quote.rfq,
                "used_text": used_text(quote, left),
                "pin": pin_state(quote, pin, left, now),
                "seats_left": quote.rfq.seats_left,
                "response_seconds": quote.response_seconds,
                "may_quote": request.member.can(Action.QUOTE),
                "recommended": recommended(request.seller, now),
            },
        )


@dataclass(frozen=True)
class Recommended:
    """An RFQ worth quoting next, with what is seen of its buyer."""

    rfq: Rfq
    badge: str | None
    country: str


def recommended(seller: Seller, now: datetime) -> list[Recommended]:
    """Return the newest RFQs of the shop's own categories that it can quote now (RFQ-2, RFQ-7)."""
    query = MarketQuery(own=True, can_quote=True)
    rfqs = market_page(query, seller, now, size=RECOMMENDED_SHOWN).rfqs
    badges = buyer_badges(seller=seller, buyers=[rfq.buyer for rfq in rfqs])
    return [Recommended(rfq, badges[rfq.buyer_id], country_name(rfq.buyer.country)) for rfq in rfqs]


class _QuoteAction(SellerPage):
    """Something done to one quote that leads back to it, or to where the form says."""

    read_action = write_action = Action.QUOTE

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Do it, or say why not."""
        quote = quote_or_404(request, pk)
        try:
            text = self.act(request, quote)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, text)
        return redirect(next_path(request, reverse("rfq:quote", args=[quote.pk])))

    def act(self, request: MemberRequest, quote: Quote) -> str:
        """Call the service and return what to say."""
        raise NotImplementedError


class QuotePin(_QuoteAction):
    """Pin a quote, after showing what it costs (RFQ-11)."""

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Ask."""
        quote = quote_or_404(request, pk)
        pin = Pin.objects.filter(quote=quote).first()
        state = pin_state(quote, pin, balances_of(seller=request.seller), platform_time.now())
        rights = _("unlimited") if state.rights is None else state.rights
        context = {
            "heading": _("Pin this quote"),
            "message": _(
                "A pinned quote is shown to the buyer among the first three, in order of pinning."
            ),
            "cost": _("Uses 1 pin right (you have: %(rights)s). Free places: %(places)d of 3.")
            % {"rights": rights, "places": state.places},
            "confirm_label": _("Pin for 1 pin right"),
        }
        return confirm(request, quote, context)

    def act(self, request: MemberRequest, quote: Quote) -> str:
        """Pin."""
        result = quote_pin(member=request.member, quote=quote)
        text = _("Pinned on place %(slot)d. Pin rights left: %(left)s.")
        left = _("unlimited") if result.left.pin is None else result.left.pin
        return text % {"slot": result.slot, "left": left}


class QuoteWithdraw(_QuoteAction):
    """Withdraw a quote, after saying what that means (RFQ-6)."""

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Ask."""
        quote = quote_or_404(request, pk)
        context = {
            "heading": _("Withdraw this quote"),
            "message": _("The buyer no longer sees the quote. This cannot be undone."),
            "items": [
                _("Its seat becomes free for another seller."),
                _("If it is pinned, its place becomes free."),
                _("You may quote the RFQ again, for new rights."),
            ],
            "cost": _("The rights it used do not come back."),
            "confirm_label": _("Withdraw"),
            "danger": True,
        }
        return confirm(request, quote, context)

    def act(self, request: MemberRequest, quote: Quote) -> str:
        """Withdraw."""
        quote_withdraw(member=request.member, quote=quote)
        return _("The quote is withdrawn. Its seat is free again; no rights came back.")


def confirm(request: MemberRequest, quote: Quote, context: dict[str, Any]) -> HttpResponse:
    """Ask before something is done to a quote."""
    url = reverse("rfq:quote", args=[quote.pk])
    back = next_path(request, url)
    shared = {
        "cancel_url": back,
        "parent_url": url,
        "parent_label": quote.rfq.rfq_id,
        "fields": [("next", back)],
    }
    return render(request, "portal/confirm.html", {**shared, **context})


class QuoteFollowUp(_QuoteAction):
    """Tick a follow-up, open it again, or say the buyer was contacted (RFQ-25)."""

    http_method_names = ["post"]

    def act(self, request: MemberRequest, quote: Quote) -> str:
        """Tick one follow-up, or everything due."""
        kind = request.POST.get("kind", "")
        if not kind:
            settled = quote_follow_up(member=request.member, quote=quote)
            text = ngettext(
                "Noted: %(count)d follow-up done.", "Noted: %(count)d follow-ups done.", settled
            )
            return text % {"count": settled}
        row = FollowUp.objects.filter(quote=quote, kind=kind[:10]).first()
        if row is None:
            raise Http404
        done = request.POST.get("done") != "0"
        follow_up_tick(member=request.member, follow_up=row, done=done)
        return _("Follow-up done.") if done else _("The follow-up is open again.")


class QuoteRevise(SellerPage):
    """Change the terms of a live quote; costs no right (RFQ-6)."""

    read_action = write_action = Action.QUOTE

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Show the form with what the quote says."""
        quote = quote_or_404(request, pk)
        refusal = ended(quote) or closed(quote.rfq, platform_time.now())
        if refusal is not None:
            messages.error(request, str(refusal))
            return redirect("rfq:quote", quote.pk)
        return self.show(request, quote, QuoteForm(content_of(QuoteTerms.of(quote))))

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Save, or show the form again with the reasons at their fields."""
        quote = quote_or_404(request, pk)
        content = content_posted(request.POST)
        form = QuoteForm(content, bound=True)
        version = request.POST.get("version", "")
        try:
            saved = quote_revise(
                member=request.member,
                quote=quote,
                terms=terms_from(terms_given(content)),
                version=int(version) if version.isdecimal() and len(version) < 10 else 0,
            )
        except InvalidInput as refusal:
            form.show_problems(refusal.fields)
            return self.show(request, quote, form, status=refusal.http_status)
        except Refusal as refusal:
            quote.refresh_from_db()
            form.show_problems([("", str(refusal))])
            stale = refusal.code == "stale"
            return self.show(request, quote, form, status=refusal.http_status, stale=stale)
        if saved.version == quote.version:
            messages.info(request, _("Nothing was changed."))
        else:
            messages.success(request, _("The quote is revised. No right was used."))
        return redirect("rfq:quote", quote.pk)

    def show(
        self,
        request: MemberRequest,
        quote: Quote,
        form: QuoteForm,
        *,
        status: int = 200,
        stale: bool = False,
    ) -> HttpResponse:
        """Render the page; after somebody else's change with what is stored now."""
        stored = content_of(QuoteTerms.of(quote))
        typed = form.data if form.is_bound else {}
        differing = [
            (form.fields[name].label, typed.get(name, ""), stored[name])
            for name in stored
            if stale and str(typed.get(name) or "") != str(stored[name] or "")
        ]
        context = {"form": form, "quote": quote, "rfq": quote.rfq, "differing": differing}
        return render(request, "rfq/quote_revise.html", context, status=status)
