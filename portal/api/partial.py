"""Bodies that name only what changes (API-1)."""

from __future__ import annotations

from typing import Any


class EveryFieldOptional:
    """Mixin of serializers: what is not sent stays as it is."""

    def get_fields(self) -> dict[str, Any]:
        """Make every field optional."""
        fields: dict[str, Any] = super().get_fields()  # type: ignore[misc]
        for field in fields.values():
            field.required = False
        return fields
