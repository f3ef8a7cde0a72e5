"""`get_…_display` of models, looked up instead of built (P-3).

Django makes a dictionary of all choices for each value it shows; a page of fifty rows with two of them spends
more on that than on reading the rows. Fields of our models with fixed choices get the same method with the
dictionary made once per language.
"""

from __future__ import annotations

from functools import partialmethod
from typing import Any

from django.apps import apps
from django.db.models import Field, Model
from django.utils.encoding import force_str
from django.utils.translation import get_language

OURS = ("portal", "listings", "rfq", "compliance", "growth")


def connect() -> None:
    """Give every field with fixed choices its quick method; a method of the model's own stays."""
    for label in OURS:
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.local_fields:
                _quicken(model, field)


def _quicken(model: type[Model], field: Field[Any, Any]) -> None:
    name = f"get_{field.name}_display"
    fixed = isinstance(field.choices, list) and bool(field.choices)
    if fixed and isinstance(vars(model).get(name), partialmethod):
        labels = Labels(dict(field.flatchoices))
        setattr(model, name, partialmethod(_label, attribute=field.attname, labels=labels))


class Labels:
    """The labels of a field in every language that was asked for."""

    def __init__(self, choices: dict[Any, Any]) -> None:
        self.choices = choices
        self.in_language: dict[str | None, dict[Any, str]] = {}

    def now(self) -> dict[Any, str]:
        """Return value → label in the active language."""
        language = get_language()
        found = self.in_language.get(language)
        if found is None:
            found = {value: str(label) for value, label in self.choices.items()}
            self.in_language[language] = found
        return found


def _label(self: Model, *, attribute: str, labels: Labels) -> Any:
    """Return the label of a value in the active language, and a value that is no choice as it is."""
    value = getattr(self, attribute)
    label = labels.now().get(value)
    return force_str(value, strings_only=True) if label is None else label
