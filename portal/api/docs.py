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
        reads_pages = "text/html" in self.request.headers.get("Accept", "")
        if isinstance(exc, NotAuthenticated) and reads_pages:
            answer: HttpResponseBase = redirect_to_login(self.request.get_full_path())
            return answer
        return super().handle_exception(exc)
