"""Filters of the API's lists: what cannot be read is told, never passed over (API-1)."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.filters import CALENDAR, DAY_FORMATS
from portal.ingest.columns import country_codes
from portal.models import Category

TRUE, FALSE = {"true", "1"}, {"false", "0"}


class TruthField(forms.Field):
    """`true` or `false`, in any case, or `1` or `0`; nothing is neither."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> bool | None:
        """Return the truth, none for no text; raise `ValidationError` for another word."""
        word = str(value or "").casefold()
        if not word:
            return None
        if word not in TRUE | FALSE:
            raise ValidationError(_("Write true or false."), code="invalid")
        return word in TRUE


class TruthFilter(django_filters.BooleanFilter):
    """Keep rows by a truth."""

    field_class = TruthField


class _Read(forms.CharField):
    """Text that a function makes a value of; it raises `ValidationError` for others."""

    def __init__(self, *args: Any, read: Callable[[str], Any], **kwargs: Any) -> None:
        self.read = read
        super().__init__(*args, **kwargs)

    def clean(self, value: Any) -> Any:
        """Return the value, or nothing for no text."""
        text = super().clean(value)
        return self.read(text) if text else text


class CountryFilter(django_filters.CharFilter):
    """Keep rows by an ISO country code, in any case."""

    field_class = _Read

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, read=_country, **kwargs)


class CategoryCodeFilter(django_filters.CharFilter):
    """Keep rows by the code of a category there is."""

    field_class = _Read

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, read=_category, **kwargs)


class KnownFilter(django_filters.CharFilter):
    """Keep rows by a code among those that `known` holds when it is asked."""

    field_class = _Read

    def __init__(self, *args: Any, known: Container[str], **kwargs: Any) -> None:
        def read(text: str) -> str:
            if text not in known:
                raise ValidationError(_("There is no such value."), code="invalid")
            return text

        super().__init__(*args, read=read, **kwargs)


def _country(text: str) -> str:
    if text.upper() not in country_codes():
        raise ValidationError(_("A country is a code of two letters such as US."), code="invalid")
    return text.upper()


def _category(text: str) -> str:
    if not Category.objects.filter(code=text).exists():
        raise ValidationError(_("There is no such category."), code="invalid")
    return text


class DayFilter(django_filters.DateFilter):
    """Keep rows by a day, written `YYYY-MM-DD` and in no other way."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("validators", CALENDAR)
        super().__init__(*args, input_formats=DAY_FORMATS, **kwargs)
