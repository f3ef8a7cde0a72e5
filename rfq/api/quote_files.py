"""Files of quotes over the API: they come with the quote, as a form (RFQ-6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import QueryDict
from django.utils.translation import ngettext
from rest_framework import serializers

from portal.api.parsers import files_sent
from portal.api.views import ScopedRequest
from portal.errors import InvalidInput
from portal.models import StoredFile
from portal.services.files import CheckedUpload, file_store, file_url, upload_check
from rfq.models import Quote, QuoteFile
from rfq.quotes.reading import FILE_PURPOSE
from rfq.services.quotes import MAX_FILES

FIELD = "files"
LISTS = ("products",)
"""Fields of a form that may come several times."""


class QuoteFileSerializer(serializers.Serializer):
    """A file of a quote."""

    name = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    url = serializers.CharField(help_text="For signed-in members; see also `/files/{token}`.")


def files_field() -> serializers.ListField:
    """Return the field of a form; `uploads_of` says what is wrong with each file."""
    return serializers.ListField(
        child=serializers.FileField(),
        required=False,
        help_text=f"At most {MAX_FILES} files (PDF, PNG, JPEG) of up to 10 MB.",
    )


def form_fields(form: QueryDict) -> dict[str, Any]:
    """Return the fields of a form but its files, as JSON would have them."""
    return {
        name: form.getlist(name) if name in LISTS else form.get(name)
        for name in form
        if name != FIELD
    }


def uploads_of(request: ScopedRequest) -> list[CheckedUpload] | None:
    """Return the files of a form, checked and not kept yet; None when it has none.

    Raises `InvalidInput` (`files`) for too many and for what may not be kept.
    """
    sent = files_sent(request, FIELD)
    if len(sent) > MAX_FILES:
        text = ngettext("At most %(most)d file.", "At most %(most)d files.", MAX_FILES)
        raise InvalidInput([(FIELD, text % {"most": MAX_FILES})])
    return [upload_check(one, field=FIELD) for one in sent] or None


def uploads_keep(request: ScopedRequest, uploads: Iterable[CheckedUpload]) -> list[StoredFile]:
    """Keep checked files for the caller's shop; put `files_or_nothing()` around the transaction."""
    return [
        file_store(
            seller=request.seller, actor=request.user, upload=one, purpose=FILE_PURPOSE, field=FIELD
        )
        for one in uploads
    ]


def files_of(quotes: Iterable[Quote]) -> dict[int, list[dict[str, Any]]]:
    """Return quote → its files as `QuoteFileSerializer` shows them; one query."""
    found: dict[int, list[dict[str, Any]]] = {}
    rows = QuoteFile.objects.filter(quote__in=list(quotes)).select_related("file").order_by("pk")
    for row in rows:
        shown = {"name": row.file.name, "size": row.file.size, "url": file_url(row.file)}
        found.setdefault(row.quote_id, []).append(shown)
    return found
