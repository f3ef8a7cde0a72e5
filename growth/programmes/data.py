"""The programmes every portal has after migration (GRO-18)."""

from __future__ import annotations

from growth.services.programmes import programmes_load_shipped
from portal.built_in import register_built_in


@register_built_in
def programmes_load() -> None:
    """Bring in what is missing or newer; what staff changed stays theirs."""
    programmes_load_shipped()
