"""How much one request may upload: refused before a byte of it is written to disk (EPR-6)."""

from __future__ import annotations

from typing import IO, Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

MAX_REQUEST_BYTES = 128 * 1024 * 1024
"""Some files of 10 MB each; every form says how large each of its files may be."""
MAX_STAFF_BYTES = 1 << 30 | 1 << 20
"""Staff send upstream's rows as files of up to a gigabyte (K-15)."""


class BoundedUploads(FileUploadHandler):
    """The first upload handler: looks at the length of the request and leaves its files to the others."""

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, Any],
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Refuse a request that is too long as a whole."""
        path = self.request.path if self.request is not None else ""
        most = MAX_STAFF_BYTES if path.startswith("/admin/") else MAX_REQUEST_BYTES
        if content_length > most:
            raise RequestDataTooBig(f"a request may upload at most {most} bytes")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass the data on."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""
        return
