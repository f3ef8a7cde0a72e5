"""Looking at what a form would do before it is saved (UI-7)."""

from __future__ import annotations

from typing import Any

from django.forms import ModelForm
from django.http import HttpRequest

from portal.admin.base import ServiceAdmin


class PreviewedAdmin(ServiceAdmin):
    """A form with a second button, `_preview`: what was typed is judged and shown, never saved."""

    def preview(self, request: HttpRequest, form: Any, obj: Any) -> None:
        """Show what a valid form would do, or name at the form why it would be refused."""
        raise NotImplementedError

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        """Return the form; a preview never lets the admin go on to saving."""
        form_class = super().get_form(request, obj, change=change, **kwargs)
        if "_preview" not in request.POST:
            return form_class
        admin = self

        class PreviewForm(form_class):  # type: ignore[valid-type, misc]
            def is_valid(self) -> bool:
                if super().is_valid():
                    admin.preview(request, self, obj)
                return False

        return PreviewForm
