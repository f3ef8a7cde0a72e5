"""Templates of quotes and company introductions (RFQ-25)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.choices import Action
from portal.errors import InvalidInput, Refusal
from portal.http import MemberRequest
from portal.views.base import SellerPage
from rfq.models import QuoteTemplate
from rfq.quotes.content import introduction_text
from rfq.quotes.forms import TemplateForm, elements_given
from rfq.services.quote_templates import template_delete, template_save


def template_or_404(pk: int) -> QuoteTemplate:
    """Return a template of the shop in scope."""
    template = QuoteTemplate.objects.filter(pk=pk).first()
    if template is None:
        raise Http404
    return template


class TemplatesPage(SellerPage):
    """The shop's templates."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show them by name."""
        templates = list(QuoteTemplate.objects.order_by("name"))
        return render(
            request,
            "rfq/templates.html",
            {
                "templates": [(one, introduction_text(one.elements)) for one in templates],
                "may_quote": request.member.can(Action.QUOTE),
            },
        )


class TemplatePage(SellerPage):
    """A new template, or one to change."""

    read_action = write_action = Action.QUOTE

    def get(self, request: MemberRequest, pk: int | None = None) -> HttpResponse:
        """Show the form."""
        template = template_or_404(pk) if pk is not None else None
        return self.show(request, TemplateForm(_content(template)), template)

    def post(self, request: MemberRequest, pk: int | None = None) -> HttpResponse:
        """Save, or say what is wrong."""
        template = template_or_404(pk) if pk is not None else None
        data = request.POST.dict()
        data["message"] = data.get("message", "").replace("\r\n", "\n")
        form = TemplateForm(data, bound=True)
        try:
            saved = template_save(
                member=request.member,
                name=data.get("name", ""),
                content=data,
                elements=elements_given(data),
                template=template,
            )
        except InvalidInput as refusal:
            form.show_problems(refusal.fields)
            return self.show(request, form, template, status=refusal.http_status)
        except Refusal as refusal:
            form.show_problems([("", str(refusal))])
            return self.show(request, form, template, status=refusal.http_status)
        messages.success(request, _("Saved: %(name)s") % {"name": saved.name})
        return redirect("rfq:templates")

    def show(
        self,
        request: MemberRequest,
        form: TemplateForm,
        template: QuoteTemplate | None,
        status: int = 200,
    ) -> HttpResponse:
        """Render the form."""
        context = {"form": form, "template": template}
        return render(request, "rfq/template_form.html", context, status=status)


def _content(template: QuoteTemplate | None) -> dict[str, Any]:
    if template is None:
        return {"currency": "USD"}
    elements = {f"intro_{key}": text for key, text in template.elements.items()}
    return {**template.content, **elements, "name": template.name}


class TemplateDelete(SellerPage):
    """Delete a template, after a confirmation."""

    read_action = write_action = Action.QUOTE

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Ask."""
        template = template_or_404(pk)
        url = reverse("rfq:templates")
        context = {
            "heading": _("Delete template"),
            "message": template.name,
            "cost": _("Quotes made from it stay as they are."),
            "confirm_label": _("Delete"),
            "danger": True,
            "cancel_url": url,
            "parent_url": url,
            "parent_label": _("Quote templates"),
            "fields": [],
        }
        return render(request, "portal/confirm.html", context)

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Delete."""
        template_delete(member=request.member, template=template_or_404(pk))
        messages.success(request, _("The template is deleted."))
        return redirect("rfq:templates")
