"""The quote form: what was asked beside it, what it costs, drafts, self-check, sending (RFQ-6 … RFQ-8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from portal import platform_time
from portal.choices import Action
from portal.country_names import country_name
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.models import StoredFile
from portal.prepared_reads import prepared
from portal.services.buyers import buyer_badges
from portal.services.files import file_store
from portal.views.base import SellerPage
from rfq.choices import RightKind
from rfq.market.access import quoting_standing, refusal_for
from rfq.market.response_clock import response_clock, response_factor
from rfq.models import Quote, QuoteDraft, QuoteTemplate, Rfq
from rfq.models.quotes import LIVE
from rfq.quotes.content import FLAGS, MOST_FILES, TEXT_FIELDS, with_template
from rfq.quotes.forms import QuoteForm, terms_given
from rfq.quotes.reading import FILE_PURPOSE, attachments_of, check_of, own_files
from rfq.quotes.terms import QuoteTerms
from rfq.quotes.words import announced_from, announced_text, cost_lines
from rfq.services.pins import pins_left
from rfq.services.quote_drafts import draft_delete, draft_of, draft_save
from rfq.services.quote_sending import CostsMore, quote_send
from rfq.services.quote_templates import template_save
from rfq.services.quotes import terms_from


def rfq_or_404(rfq_id: str, now: datetime) -> Rfq:
    """Return an RFQ that is posted; one that is not yet does not exist (K-5)."""
    rfq = next(iter(_posted(rfq_id, now)), None) if "\0" not in rfq_id else None
    if rfq is None:
        raise Http404
    return rfq


@prepared
def _posted(rfq_id: str, now: datetime) -> QuerySet[Rfq]:
    rfqs = Rfq.objects.select_related("buyer", "category")
    return rfqs.filter(rfq_id=rfq_id, posted_at__lte=now)


def next_path(request: MemberRequest, default: str) -> str:
    """Return the path of ours that a form, or the question before it, wants to lead back to."""
    path = request.POST.get("next", request.GET.get("next", ""))
    ours = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if ours else default


def content_posted(posted: QueryDict) -> dict[str, Any]:
    """Return what was typed into the form, as drafts keep it."""
    content: dict[str, Any] = {name: posted.get(name, "") for name in TEXT_FIELDS}
    # Browsers send line ends as CRLF; what is stored and compared has plain ones.
    content["message"] = content["message"].replace("\r\n", "\n")
    content |= {name: bool(posted.get(name)) for name in FLAGS}
    removed = posted.get("remove_file", "")
    content["files"] = [token for token in posted.getlist("kept_file") if token != removed]
    return content


@dataclass
class FormState:
    """What the form page shows besides the inputs."""

    rfq: Rfq
    now: datetime
    content: dict[str, Any]
    bound: bool = False
    problems: list[tuple[str, str]] = field(default_factory=list)
    refusal: Refusal | None = None
    draft: QuoteDraft | None = None
    restored: bool = False


class QuoteFormPage(SellerPage):
    """`/rfq/rfqs/<rfq_id>/quote/`."""

    read_action = write_action = Action.QUOTE

    def get(self, request: MemberRequest, rfq_id: str) -> HttpResponse:
        """Show the form, with the draft if there is one."""
        now = platform_time.now()
        rfq = rfq_or_404(rfq_id, now)
        quoted = own_live_quote(request, rfq)
        if quoted is not None:
            messages.info(request, _("Your shop has quoted this RFQ: this is the quote."))
            return redirect("rfq:quote", quoted.pk)
        draft = draft_of(member=request.member, rfq=rfq)
        content = dict(draft.content) if draft else {}
        state = FormState(rfq, now, content, draft=draft, restored=draft is not None)
        return self.show(request, state)

    def post(self, request: MemberRequest, rfq_id: str) -> HttpResponse:
        """Do what the button says; whatever happens, nothing typed is lost."""
        now = platform_time.now()
        rfq = rfq_or_404(rfq_id, now)
        quoted = own_live_quote(request, rfq)
        if quoted is not None:
            return self.sent_already(request, quoted)
        state = FormState(rfq, now, content_posted(request.POST), bound=True)
        self.take_uploads(request, state)
        if "discard" in request.POST:
            draft_delete(member=request.member, rfq=rfq)
            messages.success(request, _("The draft is gone."))
            return redirect(next_path(request, reverse("rfq:quote-form", args=[rfq.rfq_id])))
        if "use_template" in request.POST:
            return self.use_template(request, state)
        if "save_template" in request.POST:
            return self.save_template(request, state)
        if "send" in request.POST:
            return self.send(request, state)
        self.keep(request, state)
        if state.problems or not ("save_draft" in request.POST and state.draft):
            return self.show(request, state, status=400 if state.problems else 200)
        messages.success(request, _("The draft is saved; nothing was sent."))
        return redirect("rfq:quote-form", rfq.rfq_id)

    # --- Buttons ---------------------------------------------------------------------------------

    def send(self, request: MemberRequest, state: FormState) -> HttpResponse:
        """Send the quote for what was announced, or say why not."""
        announced = announced_from(request.POST.get("announced", ""))
        wants_pin = bool(state.content["pin"])
        if wants_pin:
            announced[RightKind.PIN] = 1
        self.keep(request, state)
        if state.problems:
            return self.show(request, state, status=400)
        try:
            submission = quote_send(
                member=request.member,
                rfq=state.rfq,
                terms=terms_from(terms_given(state.content)),
                announced=announced,
                pin=wants_pin,
                files=own_files(state.content["files"]),
            )
        except InvalidInput as refusal:
            state.problems += refusal.fields
            return self.show(request, state, status=refusal.http_status)
        except Refusal as refusal:
            return self.refused(request, state, refusal)
        if submission.pin_message:
            messages.warning(request, submission.pin_message)
        return redirect("rfq:quote-sent", submission.quote.pk)

    def refused(self, request: MemberRequest, state: FormState, refusal: Refusal) -> HttpResponse:
        """Show what stands against sending; a second tab that was first leads to its quote."""
        if refusal.code == "already_quoted":
            quoted = own_live_quote(request, state.rfq)
            if quoted is not None:
                return self.sent_already(request, quoted)
        state.refusal = refusal
        # What was read before may be what the refusal is about.
        state.rfq.refresh_from_db(fields=["status", "quoted", "seats", "expires_at"])
        request.seller.refresh_from_db()
        return self.show(request, state, status=refusal.http_status)

    def sent_already(self, request: MemberRequest, quote: Quote) -> HttpResponse:
        """Lead to the quote that was sent from another tab or by the first of two clicks; say which."""
        if is_repeated(request, quote):
            messages.info(request, _("This quote was sent already; nothing more was used."))
            return redirect("rfq:quote-sent", quote.pk)
        messages.warning(
            request,
            _(
                "Not sent: your shop quoted this RFQ before, and this is that quote. What you typed now"
                " is not in it; change the quote if it should be. Nothing more was used."
            ),
        )
        return redirect("rfq:quote", quote.pk)

    def use_template(self, request: MemberRequest, state: FormState) -> HttpResponse:
        """Complete what was typed by a template."""
        template = template_chosen(request.POST.get("template", ""))
        if template is None:
            messages.warning(request, _("Choose a template first."))
        else:
            today = platform_time.day_of(state.now)
            state.content = with_template(state.content, template.content, template.elements, today)
            messages.success(request, _("Added: %(name)s") % {"name": template.name})
        self.keep(request, state)
        return self.show(request, state)

    def save_template(self, request: MemberRequest, state: FormState) -> HttpResponse:
        """Keep the wording and terms as a template."""
        content = dict(state.content)
        content["valid_days"] = _days_until(content.get("valid_until"), state.now)
        try:
            saved = template_save(
                member=request.member, name=request.POST.get("template_name", ""), content=content
            )
        except Refusal as refusal:
            for text in [text for _name, text in refusal.fields] or [str(refusal)]:
                messages.error(request, text)
        else:
            messages.success(request, _("Saved as template: %(name)s") % {"name": saved.name})
        self.keep(request, state)
        return self.show(request, state)

    # --- Parts -----------------------------------------------------------------------------------

    def take_uploads(self, request: MemberRequest, state: FormState) -> None:
        """Keep new files at once: an upload field cannot be filled again after a refusal."""
        kept = [file.token for file in own_files(state.content["files"])]
        for upload in request.FILES.getlist("uploads"):
            if len(kept) >= MOST_FILES:
                text = _("At most %(most)d files.") % {"most": MOST_FILES}
                state.problems.append(("files", text))
                break
            try:
                stored = file_store(
                    seller=request.seller,
                    actor=request.user,
                    upload=upload,
                    purpose=FILE_PURPOSE,
                    field="files",
                )
            except InvalidInput as refusal:
                state.problems += refusal.fields
            else:
                kept.append(stored.token)
        state.content["files"] = kept

    def keep(self, request: MemberRequest, state: FormState) -> None:
        """Save the draft."""
        state.draft = draft_save(member=request.member, rfq=state.rfq, content=state.content)

    def show(self, request: MemberRequest, state: FormState, status: int = 200) -> HttpResponse:
        """Render the page."""
        form = QuoteForm(state.content, bound=state.bound)
        if state.problems:
            form.show_problems(state.problems)
        context = form_context(request, state)
        return render(request, "rfq/quote_form.html", {"form": form, **context}, status=status)


class QuoteDraftSave(SellerPage):
    """Autosave: keeps the draft and answers with its time and the checklist, for htmx."""

    read_action = write_action = Action.QUOTE
    http_method_names = ["post"]

    def post(self, request: MemberRequest, rfq_id: str) -> HttpResponse:
        """Save what was typed so far."""
        rfq = rfq_or_404(rfq_id, platform_time.now())
        content = content_posted(request.POST)
        draft = draft_save(member=request.member, rfq=rfq, content=content)
        check = check_of(rfq, terms_given(content))
        return render(request, "rfq/_quote_autosave.html", {"draft": draft, "check": check})


def is_repeated(request: MemberRequest, quote: Quote) -> bool:
    """Tell whether a form carries the terms a quote has: a second click, not another quote."""
    try:
        return terms_from(terms_given(content_posted(request.POST))) == QuoteTerms.of(quote)
    except InvalidInput:
        return False


def own_live_quote(request: MemberRequest, rfq: Rfq) -> Quote | None:
    """Return the shop's live quote on an RFQ."""
    return next(iter(_live_quote(request.seller.pk, rfq.pk)), None)


@prepared
def _live_quote(seller_id: int, rfq: int) -> QuerySet[Quote]:
    return Quote.objects.filter(LIVE, seller=seller_id, rfq=rfq)


def template_chosen(key: str) -> QuoteTemplate | None:
    """Return a template of the shop by what a form sent."""
    if not (key.isascii() and key.isdecimal() and len(key) < 19):
        return None
    return QuoteTemplate.objects.filter(pk=int(key)).first()


def _days_until(text: Any, now: datetime) -> str:
    try:
        return str((platform_time.parse_day(str(text)) - platform_time.day_of(now)).days)
    except platform_time.InvalidInstant:
        return ""


def form_context(request: MemberRequest, state: FormState) -> dict[str, Any]:
    """Read what goes beside the form; a constant number of queries."""
    rfq, now = state.rfq, state.now
    standing = quoting_standing(seller=request.seller, rfqs=[rfq], now=now)
    costs = cost_lines(rfq, standing.balances)
    blocked = refusal_for(rfq, standing, now)
    files: list[StoredFile] = own_files(state.content.get("files") or [])
    places = pins_left([rfq])[rfq.pk]
    return {
        "rfq": rfq,
        "country": country_name(rfq.buyer.country),
        "destination": country_name(rfq.destination),
        "attachments": attachments_of(rfq),
        "badge": buyer_badges(seller=request.seller, buyers=[rfq.buyer])[rfq.buyer_id],
        "refusal": state.refusal or blocked,
        "blocked": blocked is not None,
        "costs_more": isinstance(state.refusal, CostsMore),
        "costs": costs,
        "announced": announced_text(costs),
        "clock": response_clock(
            posted_at=rfq.posted_at, now=now, factor=response_factor(platform_time.day_of(now))
        ),
        "pin_places": places,
        "pin_rights": standing.balances.pin,
        "may_pin": places > 0 and standing.balances.allows(RightKind.PIN),
        "check": check_of(rfq, terms_given(state.content)),
        "draft": state.draft,
        "restored": state.restored,
        "files": files,
        "templates": QuoteTemplate.objects.order_by("name"),
    }
