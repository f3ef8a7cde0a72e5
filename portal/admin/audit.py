"""The audit trail, read-only for everybody (K-19)."""

from __future__ import annotations

from typing import Any

import auditlog.admin  # noqa: F401  registers first what is replaced here
from auditlog.models import LogEntry
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from portal.admin.base import ReadOnlyAdmin, pretty_json

admin.site.unregister(LogEntry)


class TextFilter(admin.SimpleListFilter):
    """A filter for values too many to list: taken from the address, set by links and searches."""

    template = "admin/portal/text_filter.html"
    lookup = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer nothing to choose: the value is typed."""
        return [("", "")]

    def has_output(self) -> bool:
        """Show the field always."""
        return True

    def choices(self, changelist: Any) -> Any:
        """Hand the other parameters to the form, so that it keeps them."""
        others = {
            name: values[-1]
            for name, values in changelist.filter_params.items()
            if name != self.parameter_name
        }
        yield {"others": others.items(), "value": self.value() or "", "name": self.parameter_name}

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet | None:
        """Keep the rows with that value."""
        value = self.value()
        return queryset.filter(**{self.lookup: value}) if value else None


class ActionFilter(TextFilter):
    title = gettext_lazy("action code")
    parameter_name = "action_code"
    lookup = "additional_data__action"


class ActorFilter(TextFilter):
    title = gettext_lazy("actor")
    parameter_name = "actor_name"
    lookup = "additional_data__actor"


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """Who did what to which object, from where."""

    list_display = ("timestamp", "action_code", "actor_name", "content_type", "object_repr", "cid")
    list_filter = (ActionFilter, ActorFilter, ("content_type", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("content_type",)
    search_fields = ("=object_pk", "object_repr", "=cid")
    date_hierarchy = "timestamp"
    fields = readonly_fields = (
        "timestamp",
        "action_code",
        "actor_name",
        "content_type",
        "object_pk",
        "object_repr",
        "before_after",
        "details",
        "remote_addr",
        "cid",
    )

    @admin.display(description=gettext_lazy("action"))
    def action_code(self, entry: LogEntry) -> str:
        """Dotted code."""
        return str((entry.additional_data or {}).get("action", ""))

    @admin.display(description=gettext_lazy("actor"))
    def actor_name(self, entry: LogEntry) -> str:
        """Name as it was."""
        return str((entry.additional_data or {}).get("actor", ""))

    @admin.display(description=gettext_lazy("before, after"))
    def before_after(self, entry: LogEntry) -> SafeString:
        """Changed fields."""
        return pretty_json(entry.changes)

    @admin.display(description=gettext_lazy("details"))
    def details(self, entry: LogEntry) -> SafeString:
        """Everything else that was recorded."""
        return pretty_json(entry.additional_data)
