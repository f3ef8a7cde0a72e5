"""How form fields are drawn: as Django does, choices without a template for each of them (P-3).

Django renders two templates per `<option>`; a list of countries costs more than the rest of its page. The same
text is written here at once. What a widget draws its options with itself stays its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

SELECT = "django/forms/widgets/select.html"
OPTION = "django/forms/widgets/select_option.html"


class FormRenderer(DjangoTemplates):
    """Django's form templates, except for `<select>`."""

    def render(self, template_name: str, context: Any, request: Any = None) -> str:
        """Draw a form, a field or a widget."""
        if template_name == SELECT and _is_plain(context["widget"]):
            return select(context["widget"])
        return str(super().render(template_name, context, request))


def _is_plain(widget: Mapping[str, Any]) -> bool:
    return all(
        option["template_name"] == OPTION
        for _name, options, _index in widget["optgroups"]
        for option in options
    )


def select(widget: Mapping[str, Any]) -> SafeString:
    """Write a `<select>` as Django's template does, to the letter."""
    written = [
        f'<select name="{conditional_escape(widget["name"])}"{_attributes(widget["attrs"])}>'
    ]
    for name, options, _index in widget["optgroups"]:
        if name:
            written.append(f'\n  <optgroup label="{conditional_escape(name)}">')
        for option in options:
            value = conditional_escape(str(option["value"]))
            label = conditional_escape(option["label"])
            attributes = _attributes(option["attrs"])
            written.append(f'\n  <option value="{value}"{attributes}>{label}</option>\n')
        if name:
            written.append("\n  </optgroup>")
    written.append("\n</select>\n")
    return SafeString("".join(written))


def _attributes(attributes: Mapping[str, Any]) -> str:
    """Write attributes: true ones as their bare name, false ones not at all."""
    return "".join(
        f" {conditional_escape(name)}"
        + ("" if value is True else f'="{conditional_escape(str(value))}"')
        for name, value in attributes.items()
        if value is not False
    )
