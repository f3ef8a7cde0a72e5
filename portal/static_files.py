"""Which static files are served, and how they are named.

The packages bring some two thousand files of which a page loads two dozen. The finders offer only what is
used, so that a deployment collects, compresses and exposes no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

from django.contrib.staticfiles.finders import AppDirectoriesFinder, FileSystemFinder
from whitenoise.storage import CompressedManifestStaticFilesStorage

USED = (
    "css/*",
    "js/*",
    "img/*",
    "admin/*",
    "account/*",
    "mfa/*",
    "vendor/bootstrap/css/bootstrap.min.css",
    "django_htmx/htmx-2.min.js",
    "drf_spectacular_sidecar/swagger-ui-dist/*.js",
    "drf_spectacular_sidecar/swagger-ui-dist/*.css",
    "drf_spectacular_sidecar/swagger-ui-dist/*.png",
)
"""Patterns of names below STATIC_URL; a page that needs another file adds it here."""


def is_used(name: str) -> bool:
    """Tell whether a static file's name is one we serve."""
    return any(fnmatch(name, pattern) for pattern in USED)


class UsedOnlyMixin:
    """A finder that neither lists nor finds what no page loads."""

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, Any]]:
        """Yield (path, storage) of the used files."""
        for path, storage in super().list(ignore_patterns):  # type: ignore[misc]
            prefix = getattr(storage, "prefix", None)
            if is_used(f"{prefix}/{path}" if prefix else path):
                yield path, storage

    def find(self, path: str, **options: Any) -> Any:
        """Return where a used file lies; nothing for any other."""
        return super().find(path, **options) if is_used(path) else []  # type: ignore[misc]


class UsedFileSystemFinder(UsedOnlyMixin, FileSystemFinder):  # type: ignore[misc]
    """Our own files and those of STATICFILES_DIRS."""


class UsedAppDirectoriesFinder(UsedOnlyMixin, AppDirectoriesFinder):  # type: ignore[misc]
    """Files that packages bring."""


class PortalStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Hashed and compressed names; source maps are not collected, so they are not looked for."""

    _css_names, (_css_url, _css_import, *_source_maps) = (
        CompressedManifestStaticFilesStorage.patterns[0]
    )
    patterns = ((_css_names, (_css_url, _css_import)),)
