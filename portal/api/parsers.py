"""Reading request bodies."""

from __future__ import annotations

from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from portal.errors import InvalidInput


class PortalJSONParser(JSONParser):
    """JSON of bounded depth; Django bounds its size (`DATA_UPLOAD_MAX_MEMORY_SIZE`)."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        """Parse a body, or raise `ParseError`."""
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None


def files_sent(request: Request, name: str) -> list[Any]:
    """Return the files of a field; raise `InvalidInput` for text in it, which would be lost in silence."""
    files = request.FILES.getlist(name)
    if not files and isinstance(request.data, dict) and request.data.get(name):
        raise InvalidInput([(name, _("Send files as multipart/form-data."))])
    return list(files)
