"""Files of quotes: an upload for a draft that was never sent can go (RFQ-6)."""

from __future__ import annotations

from django.db.models import QuerySet

from portal.file_purposes import register_file_purpose
from portal.models import StoredFile
from portal.scoping import unscoped
from rfq.models import QuoteDraft, QuoteFile
from rfq.quotes.reading import FILE_PURPOSE


def unused_uploads(files: QuerySet[StoredFile]) -> QuerySet[StoredFile]:
    """Return the files no quote has and no draft names; two queries."""
    with unscoped():
        drafts = QuoteDraft.objects.filter(content__has_key="files")
        named = {
            token
            for content in drafts.values_list("content", flat=True).iterator()
            for token in content.get("files") or ()
        }
        tokens = files.exclude(pk__in=QuoteFile.objects.values("file"))
        left = [token for token in tokens.values_list("token", flat=True) if token not in named]
        return files.filter(token__in=left)


register_file_purpose(FILE_PURPOSE, unused=unused_uploads)
