"""Rules and programmes as staff type them: TOML, or JSON by lines (K-16)."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _


def as_text(content: dict[str, Any]) -> str:
    """Write a content as JSON by lines."""
    return json.dumps(content, indent=2, ensure_ascii=False)


def _json_able(value: Any) -> Any:
    """Turn what TOML knows and JSON does not into texts."""
    match value:
        case dict():
            return {key: _json_able(item) for key, item in value.items()}
        case list():
            return [_json_able(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
    return str(value)


class ContentField(forms.CharField):
    """A content written as TOML, or as JSON when it starts with a brace."""

    widget = forms.Textarea(attrs={"rows": 30, "cols": 110, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Show a stored content as JSON."""
        return value if isinstance(value, str) else as_text(value or {})

    def to_python(self, value: Any) -> Any:
        """Parse; a mistake is told with its line."""
        text = (super().to_python(value) or "").strip()
        try:
            if text.startswith("{"):
                return json.loads(text)
            return _json_able(tomllib.loads(text, parse_float=Decimal))
        except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
            raise forms.ValidationError(str(error)) from error
        except RecursionError as error:
            raise forms.ValidationError(_("This is nested too deeply.")) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare contents, not spellings."""
        try:
            return bool(initial != self.to_python(data))
        except forms.ValidationError:
            return True
