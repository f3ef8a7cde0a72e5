"""JSON in staff forms: shown by lines, with its mistakes by line and column (UI-7)."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class _WrittenJsonField(forms.JSONField):
    """JSON of one kind; what is empty stands for an empty value of that kind."""

    kind: ClassVar[type]
    wrong_kind: ClassVar[Any]

    def __init__(self, *, rows: int = 8, **kwargs: Any) -> None:
        kwargs["widget"] = forms.Textarea(
            attrs={"rows": rows, "class": "vLargeTextField", "spellcheck": "false"}
        )
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show it by lines, an empty one as nothing."""
        if value is None or value == self.kind():
            return ""
        if isinstance(value, self.kind):
            return json.dumps(value, indent=2, ensure_ascii=False)
        return super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        """Return the value, or say where it is not one."""
        if isinstance(value, self.kind):
            return value
        text = (value or "").strip()
        try:
            found = json.loads(text) if text else self.kind()
        except json.JSONDecodeError as error:
            raise forms.ValidationError(
                _("Not JSON: %(problem)s in line %(line)d, column %(column)d.")
                % {"problem": error.msg, "line": error.lineno, "column": error.colno}
            ) from None
        except RecursionError:
            raise forms.ValidationError(_("Not JSON that can be read.")) from None
        if not isinstance(found, self.kind):
            raise forms.ValidationError(self.wrong_kind, code="shape")
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare values, not their spelling."""
        try:
            return (initial or self.kind()) != self.to_python(data)
        except forms.ValidationError:
            return True


class JsonListField(_WrittenJsonField):
    """A JSON list."""

    kind = list
    wrong_kind = gettext_lazy("Write a list: [ … ].")


class JsonObjectField(_WrittenJsonField):
    """A JSON object."""

    kind = dict
    wrong_kind = gettext_lazy('Write an object such as {"voltage": ["36V", "48V"]}.')
