"""How much one request may upload, and what becomes of uploads when the temporary folder is full (EPR-6)."""

from __future__ import annotations

import logging
from typing import IO, Any, NoReturn

from django.core.exceptions import BadRequest, RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, TemporaryFileUploadHandler

MAX_REQUEST_BYTES = 128 * 1024 * 1024
"""Some files of 10 MB each; every form says how large each of its files may be."""
MAX_STAFF_BYTES = 1 << 30 | 1 << 20
"""Staff send upstream's rows as files of up to a gigabyte (K-15)."""


logger = logging.getLogger(__name__)


class UploadLost(BadRequest):
    """A file that came with the request could not be kept long enough to be read."""


class LostUpload(UploadedFile):
    """Stands for an upload the temporary folder had no room for: it has a name and a size, no content.

    Whoever reads it gets `UploadLost`, so that nobody takes it for an empty file.
    """

    def __init__(self, name: str | None, size: int) -> None:
        super().__init__(None, name, size=size)

    def _lost(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise UploadLost(f"“{self.name}” could not be kept: the temporary folder is full or away")

    read = chunks = open = seek = readline = multiple_chunks = __iter__ = _lost

    def close(self) -> None:
        """There is nothing to close."""


class SpooledUploads(TemporaryFileUploadHandler):
    """The stock handler, but a full temporary folder costs the file alone and not the whole request.

    The rest of the form is read on: people keep what they typed and are told about the file.
    """

    lost = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file."""
        self.lost = False
        try:
            super().new_file(*args, **kwargs)
        except OSError as error:
            self._lose(error)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a part of it."""
        if self.lost:
            return
        try:
            self.file.write(raw_data)
        except OSError as error:
            self._lose(error)

    def file_complete(self, file_size: int) -> UploadedFile | None:
        """Return the file, or what stands for one that was lost."""
        if not self.lost:
            try:
                self.file.flush()
                return super().file_complete(file_size)
            except OSError as error:
                self._lose(error)
        return LostUpload(self.file_name, file_size)

    def upload_interrupted(self) -> None:
        """Clean up after a client that went away."""
        if not self.lost:
            super().upload_interrupted()

    def _lose(self, error: OSError) -> None:
        self.lost = True
        logger.error("an upload could not be spooled: %s", error)
        kept = getattr(self, "file", None)
        if kept is not None:
            try:
                kept.close()
            except OSError:
                logger.exception("a temporary file could not be removed")


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
