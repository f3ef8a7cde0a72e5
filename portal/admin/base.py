"""What the staff pages share: read-only rows, saving through services, audit history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from auditlog.models import LogEntry
from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import DateTimeField, Field
from django.db.models.constants import LOOKUP_SEP
from django.forms import Media, ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from portal.admin import instants
from portal.admin.own_pages import OwnPages
from portal.errors import Refusal

HISTORY_PAGE = 100
SELLER_SEARCH = ("=seller__member_id", "seller__name_en", "seller__name_zh")
"""How rows of shops are searched: by the whole member id, or by a part of the name."""

POPUPS = "js/admin-popups.js"
SCRIPTS = (
    "vendor/jquery/jquery.min.js",
    "jquery.init.js",
    "core.js",
    "admin/RelatedObjectLookups.js",
    "actions.js",
)
"""What lists and forms of the admin use. Django loads as much again, for slugs that follow a title."""


def pretty_json(value: Any) -> SafeString:
    """Return a JSON value as readable, escaped text."""
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))


def hidden_fields(model_admin: admin.ModelAdmin) -> set[str]:
    """Return the columns of a model that its staff pages neither show nor let anybody type."""
    shown = {str(name) for name in (*model_admin.list_display, *model_admin.readonly_fields)}
    shown |= set(map(str, flatten_fieldsets(model_admin.fieldsets or ())))
    shown |= set(map(str, model_admin.fields or ()))
    shown |= {str(one[0] if isinstance(one, tuple) else one) for one in model_admin.list_filter}
    columns = model_admin.opts.concrete_fields
    return {one.name for one in columns if not (one.editable or one.primary_key)} - shown


class HistoryMixin(OwnPages):
    """`History` of an object is its audit trail (K-19)."""

    object_history_template = "admin/portal/audit_history.html"

    def title_of(self, obj: Any) -> str:
        """Return what an object is called on its pages; may query, unlike its text in lists."""
        return str(obj)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show who did what to the object, newest first."""
        obj = self.get_object(request, object_id)
        if obj is None:
            raise Http404
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        entries = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(obj), object_pk=str(obj.pk)
        ).order_by("-timestamp", "-pk")
        page = Paginator(entries, HISTORY_PAGE).get_page(request.GET.get("page"))
        title = self.title_of(obj)
        context = {
            **self.admin_site.each_context(request),
            "title": _("History of %(object)s") % {"object": title},
            "opts": self.opts,
            "object": obj,
            "object_title": title,
            "page": page,
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.object_history_template, context)


class PortalAdmin(HistoryMixin):
    """Base of every staff page: no facets or full counts over large tables, no deletion."""

    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    empty_value_display = "–"
    list_per_page = 50
    actions: Sequence[Any] | None = None

    @property
    def media(self) -> Media:
        """Return the scripts of lists and forms: what the page has no use for is not loaded (UI-5)."""
        popups = Media(js=[POPUPS])
        if self.prepopulated_fields:
            return popups + super().media
        return popups + Media(js=[f"admin/js/{name}" for name in SCRIPTS])

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Refuse to narrow a list by what no page shows: a secret would be told letter by letter."""
        name = lookup.split(LOOKUP_SEP, maxsplit=1)[0]
        if name in hidden_fields(self):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns, instants with their zone."""
        return instants.columns(self.model, super().get_list_display(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Call a list by what is in it."""
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        """Read instants in the zone they are shown in."""
        if isinstance(db_field, DateTimeField):
            return instants.instant_input(db_field, **kwargs)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Name the object, and show instants with their zone."""
        if (obj := kwargs.get("obj")) is not None:
            context["subtitle"] = self.title_of(obj)
        instants.write_out(context["adminform"], self.model)
        for inline in context["inline_admin_formsets"]:
            instants.write_out(inline, inline.opts.model, readonly=not inline.has_change_permission)
        return super().render_change_form(request, context, *args, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing the portal keeps is deleted by hand."""
        return False


class ReadOnlyAdmin(PortalAdmin):
    """Rows to look at: facts, and what other parts write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows come from upstream or from services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows do not change here."""
        return False


class ReadOnlyInline(admin.TabularInline):
    """Rows that belong to the object, to look at."""

    template = "admin/read_only_inline.html"
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not changed here."""
        return False


class ServiceAdmin(PortalAdmin):
    """Saves through services: `save_model` calls one, and its refusal is shown in the form.

    The refusing service has changed nothing; the form comes back filled in, with each message at its
    field.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or save; after a refusal show the form again, or what it came too late for."""
        if request.method == "POST" and object_id is not None:
            obj = self.get_object(request, unquote(object_id))
            if obj is not None and (why := self.closed_to(request, obj)):
                messages.error(request, why)
                return HttpResponseRedirect(request.path)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def closed_to(self, request: HttpRequest, obj: Any) -> str:
        """Say why an object takes no form any more of somebody who may send it; "" when it does.

        A second tab, or a second person, still shows the form: they are told, and shown what is now.
        """
        return ""

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        """Return the form, with the refusal of this request as errors."""
        form_class = super().get_form(request, obj, change=change, **kwargs)
        refusal: Refusal | None = getattr(request, "refusal", None)
        if refusal is None:
            return form_class

        messages = refusal.fields or [("", str(refusal))]

        class RefusedForm(form_class):  # type: ignore[valid-type, misc]
            def clean(self) -> dict[str, Any] | None:
                cleaned: dict[str, Any] | None = super().clean()
                for field, text in messages:
                    self.add_error(field if field in self.fields else None, text)
                return cleaned

        return RefusedForm

    def adopt(self, obj: Any, saved: Any) -> None:
        """Let the admin's object be the row a service has made."""
        obj.pk = saved.pk
        obj._state.adding = False
        obj.refresh_from_db()
