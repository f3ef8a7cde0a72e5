"""Pages of the admin beside Django's list and forms: their addresses, their frame, their refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from portal.errors import Refusal


class OwnPages(admin.ModelAdmin):
    """An admin with pages of its own.

    `own_pages` has the route of each below the list's address, by name: the page `publish` is the method
    `publish_view`, called `admin:<app>_<model>_publish`.
    """

    own_pages: ClassVar[Mapping[str, str]] = {}
    page_folder = ""
    """Folder of the pages' templates below `admin/`; without one `<app>/<model>`."""

    def get_urls(self) -> list[URLPattern]:
        """Put the own pages before those every admin has."""
        known = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path(
                route,
                self.admin_site.admin_view(getattr(self, f"{name}_view")),
                name=f"{known}_{name}",
            )
            for name, route in self.own_pages.items()
        ]
        return own + super().get_urls()

    def page(self, request: HttpRequest, name: str, title: str, **context: Any) -> TemplateResponse:
        """Render the template `name` of the own pages inside the admin's frame."""
        folder = self.page_folder or f"{self.opts.app_label}/{self.opts.model_name}"
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, f"admin/{folder}/{name}.html", {**frame, **context})


class OwnSheet(OwnPages):
    """An admin whose objects are shown by `sheet` instead of a form."""

    def sheet(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Show an object to somebody who may see it."""
        raise NotImplementedError

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one object."""
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        return self.sheet(request, found)


def add_refusal(form: forms.BaseForm, refusal: Refusal) -> None:
    """Say in a form why a service refused: at the fields it names, else above all of them."""
    for name, text in refusal.fields or [("", str(refusal))]:
        form.add_error(name if name in form.fields else None, text)
