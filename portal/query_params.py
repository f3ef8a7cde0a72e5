"""What a query string asks for, read name by name: what cannot be read counts as absent and is named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from django.utils.translation import gettext as _

from portal.ingest.cells import CellError, quote, safe_text

LONGEST = 200
"""Characters of a parameter."""

Readers = Mapping[str, Callable[[str], object]]
"""By name of the parameter: what makes a value of its text, or raises `CellError`."""


def read_params(
    given: Mapping[str, str], readers: Readers
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the values read, and by parameter what is wrong with the others; empty ones are absent."""
    values: dict[str, object] = {}
    errors: dict[str, str] = {}
    for name, reader in readers.items():
        try:
            text = safe_text(given.get(name) or "", LONGEST)
            if text:
                values[name] = reader(text)
        except CellError as error:
            errors[name] = str(error)
    return values, errors


def one_of(known: Iterable[str]) -> Callable[[str], str]:
    """Return a reader of the words that the documentation names, spelled as it spells them."""
    words = list(known)

    def read(text: str) -> str:
        if text not in words:
            message = _("%(value)s is not one of %(choices)s.")
            raise CellError(message % {"value": quote(text), "choices": ", ".join(words)})
        return text

    return read
