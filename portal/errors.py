"""Refusals: what a service says when a rule forbids what was asked."""

from __future__ import annotations

from django.utils.translation import gettext as _


class Refusal(Exception):
    """A rule forbids it. Nothing was changed.

    `code` is stable and part of the API; the text is for the reader, translated.
    `fields` names the inputs at fault as (field, message); pages show each at its place.
    """

    http_status = 409
    retry_after: int | None = None
    """Seconds after which asking again makes sense; the API says so in `Retry-After`."""

    def __init__(
        self, code: str, message: str, *, fields: list[tuple[str, str]] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.fields = fields or []


class InvalidInput(Refusal):
    """The input itself is wrong: 400 with the fields named."""

    http_status = 400

    def __init__(self, fields: list[tuple[str, str]], message: str = "") -> None:
        super().__init__("invalid", message or _("Some fields are not valid."), fields=fields)


class NotAllowed(Refusal):
    """The member's role does not grant it: 403."""

    http_status = 403

    def __init__(self, message: str) -> None:
        super().__init__("permission_denied", message)
