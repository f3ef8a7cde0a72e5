"""Which static files are served, and how they are named.

The packages bring some two thousand files of which a page loads two dozen. The finders offer only what is
used, so that a deployment collects, compresses and exposes no more. The sheets that all pages share are
collected as one file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

from django.contrib.staticfiles.finders import AppDirectoriesFinder, FileSystemFinder
from django.core.files.base import ContentFile
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


BUNDLE = "css/site.css"
"""The sheet whose imports are written out when files are collected."""
_IMPORT = re.compile(r'@import url\("([^"]+)"\);')


class Bundled:
    """Where a collected sheet is read from: its imports are written out where they stand.

    Addresses inside the imported sheets stay as they are, so those may only name `data:`.
    """

    def __init__(self, found: Mapping[str, tuple[Any, str]]) -> None:
        self._found = found

    def open(self, name: str) -> ContentFile:
        """Return the sheet called `name`; a KeyError names an import that is not collected."""
        folder = posixpath.dirname(name)
        text = _IMPORT.sub(
            lambda found: self._text(posixpath.normpath(posixpath.join(folder, found[1]))),
            self._text(name),
        )
        return ContentFile(text.encode(), name)

    def _text(self, name: str) -> str:
        storage, path = self._found[name]
        with storage.open(path) as file:
            return file.read().decode()


class PortalStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Hashed and compressed names, one sheet for all pages; source maps are not looked for."""

    _css_names, (_css_url, _css_import, *_source_maps) = (
        CompressedManifestStaticFilesStorage.patterns[0]
    )
    patterns = ((_css_names, (_css_url, _css_import)),)

    def post_process(self, paths: Any, **options: Any) -> Iterator[tuple[str, str, Any]]:
        """Yield (name, hashed name, processed) of what was collected, `BUNDLE` written out."""
        if BUNDLE in paths:
            paths = {**paths, BUNDLE: (Bundled(paths), BUNDLE)}
        yield from super().post_process(paths, **options)
