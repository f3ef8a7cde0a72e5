"""Instants on staff pages: shown in Pacific time with China's, read in Pacific time (K-1, UI-4).

`portal.middleware.StaffTimeMiddleware` lets all the admin does with instants happen in Pacific time.
`PortalAdmin` uses what is here for its lists, sheets and forms, so that the pages need not do anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django import forms
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.models.standings import FOREVER
from portal.templatetags.portal_ui import EMPTY, instant, instant_short

Write = Callable[[Any], Any]


@dataclass(frozen=True)
class InWords:
    """A stored field with words of its own, where the admin takes a callable for a column or a line."""

    name: str
    write: Write = field(compare=False)
    short_description: Any = field(compare=False)
    do_not_call_in_templates = True

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def admin_order_field(self) -> str:
        """Columns are sorted by what is stored."""
        return self.name

    def __str__(self) -> str:
        return self.name

    def __call__(self, obj: Any) -> Any:
        return self.write(getattr(obj, self.name))


def in_words(model: type[models.Model], names: Iterable[Any], write: Write) -> list[Any]:
    """Return names of fields with those of instants, and of last days, replaced by their words."""
    return [_in_words(model, name, write) for name in names]


def columns(model: type[models.Model], names: Iterable[Any]) -> list[Any]:
    """Return the columns of a list: instants on one line, with China's time as the tooltip."""
    return in_words(model, names, instant_short)


def write_out(sheet: Any, model: type[models.Model], *, readonly: bool = False) -> None:
    """Let a form or an inline of the admin show what cannot be changed in it in words.

    `sheet` is Django's `AdminForm` or `InlineAdminFormSet` before it is rendered; `readonly`: nothing of
    it can be changed.
    """
    shown = {*sheet.readonly_fields, *(flatten_fieldsets(sheet.fieldsets) if readonly else ())}

    def line(name: Any) -> Any:
        if isinstance(name, list | tuple):
            return [line(each) for each in name]
        return _in_words(model, name, instant) if name in shown else name

    sheet.fieldsets = [
        (title, {**options, "fields": line(options["fields"])})
        for title, options in sheet.fieldsets
    ]
    sheet.readonly_fields = in_words(model, sheet.readonly_fields, instant)


def _in_words(model: type[models.Model], name: Any, write: Write) -> Any:
    try:
        found = model._meta.get_field(name)
    except FieldDoesNotExist:
        return name
    if isinstance(found, models.DateTimeField):
        return InWords(name, write, found.verbose_name)
    if isinstance(found, models.DateField) and found.default == FOREVER:
        return InWords(name, _last_day, found.verbose_name)
    return name


def _last_day(day: date) -> Any:
    """Return the last day of a standing; one that still holds has none."""
    return EMPTY if day == FOREVER else day


class NamedDateTime(AdminSplitDateTime):
    """Django's day and time; each box has a name of its own, which Django writes beside it only."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """Return what the template is drawn from."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        labels = (context["date_label"], context["time_label"])
        for box, label in zip(context["widget"]["subwidgets"], labels, strict=True):
            box["attrs"]["aria-label"] = label
        return context


class InstantInput(forms.SplitDateTimeField):
    """A day and a time in Pacific time; of a time that comes twice the first, as everywhere (K-1)."""

    widget = NamedDateTime

    def compress(self, data_list: Any) -> Any:
        """Return the instant; refuse a time that the clocks leap over."""
        if not data_list or any(part in self.empty_values for part in data_list):
            return super().compress(data_list)
        day, at = data_list
        found = platform_time.local_instant(day, at)
        if platform_time.to_pacific(found).time() != at:
            raise forms.ValidationError(
                _("There is no such time in Pacific time: the clocks go forward on this day.")
            )
        return found


def instant_input(db_field: models.DateTimeField, **options: Any) -> Any:
    """Return the form field of a stored instant, which says in which zone it is read."""
    words = gettext_lazy("Pacific time.")
    if db_field.help_text:
        words = format_lazy("{} {}", db_field.help_text, words)
    # The widget that the admin would choose comes with `options`.
    options = {**options, "form_class": InstantInput, "widget": NamedDateTime}
    return db_field.formfield(help_text=words, **options)
