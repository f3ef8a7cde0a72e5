"""The page to try calls out, for people and programs who are signed in (API-1)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotAuthenticated


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI over the schema."""

    def handle_exception(self, exc: Exception) -> Any:
        """Send people to the sign-in page, as the banner shows them this address; programs get 401."""
        if isinstance(exc, NotAuthenticated) and _reads_pages(self.request.headers):
            answer: HttpResponseBase = redirect_to_login(self.request.get_full_path())
            return answer
        return super().handle_exception(exc)


def _reads_pages(headers: Any) -> bool:
    return "text/html" in headers.get("Accept", "")
