"""Private files, for those who may have them (EPR-6)."""

from __future__ import annotations

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import FileResponse, Http404
from django.views.generic import View

from portal.http import SignedInRequest
from portal.models import StoredFile
from portal.services.file_content import FileType
from portal.services.files import file_for

IMAGE_POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"
FRAME_POLICY = "frame-ancestors 'self'; script-src 'none'; form-action 'none'"
"""Of a PDF in a frame: browsers show none in a sandbox."""


class FileView(LoginRequiredMixin, View):
    """`/files/<token>/`: a download; pictures may be shown in place.

    With `?framed` staff have a PDF shown in a frame of the portal's own pages: reviewers read it beside
    what was filled in (EPR-7). It holds no script and no action, or it would not have been kept.
    """

    def get(self, request: SignedInRequest, token: str) -> FileResponse:
        """Answer with the file; a foreign or unknown one does not exist (K-8)."""
        file = file_for(user=request.user, token=token)
        if file is None:
            raise Http404
        framed_pdf = FileType(file.content_type) is FileType.PDF
        framed = framed_pdf and request.user.is_staff and "framed" in request.GET
        return file_response(file, framed=framed)


def file_response(file: StoredFile, *, framed: bool = False) -> FileResponse:
    """Return a file as a download that no browser runs; raises `Http404` when the storage lost it."""
    kind = FileType(file.content_type)
    try:
        content = file.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(
        content,
        as_attachment=not (kind.is_image or framed),
        filename=file.name,
        content_type=kind.value,
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Content-Security-Policy"] = IMAGE_POLICY if kind.is_image else "sandbox"
    if framed:
        response["Content-Security-Policy"] = FRAME_POLICY
        response["X-Frame-Options"] = "SAMEORIGIN"
    return response
