"""Private files, and answers kept for repeated requests (API-1, EPR-6)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

from portal.models.people import Seller
from portal.scoping import scoped_manager


def private_path(instance: StoredFile, filename: str) -> str:
    """Return a random path: nothing of the uploaded name, nothing that could be guessed."""
    name = get_random_string(40, "abcdefghijklmnopqrstuvwxyz0123456789")
    return f"private/{name[:2]}/{name}"


class StoredFile(models.Model):
    """A file a shop uploaded, recognised by its content and kept out of the web's reach.

    Written by `services.files.file_store` alone; served only to the shop's members and to staff.
    `purpose` names what it was uploaded for, e.g. `quote` or `spam_evidence`.
    """

    seller = models.ForeignKey(Seller, models.CASCADE, verbose_name=_("seller"))
    token = models.CharField(_("token"), max_length=40, unique=True, editable=False)
    purpose = models.SlugField(_("purpose"), max_length=40)
    name = models.CharField(_("name"), max_length=150, help_text=_("As uploaded, made harmless."))
    content_type = models.CharField(_("content type"), max_length=60)
    size = models.PositiveIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64, db_index=True)
    file = models.FileField(_("file"), upload_to=private_path, max_length=120)
    uploaded_at = models.DateTimeField(_("uploaded"))
    uploaded_by: Any = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    objects = scoped_manager()

    class Meta:
        verbose_name = _("stored file")
        verbose_name_plural = _("stored files")
        ordering = ["-uploaded_at", "-pk"]

    def __str__(self) -> str:
        return self.name


class IdempotentAnswer(models.Model):
    """What a spending request with an `Idempotency-Key` was answered (API-1).

    The row is written in the transaction of its effect: there is no effect without it.
    """

    seller = models.ForeignKey(Seller, models.CASCADE, related_name="+")
    key = models.CharField(max_length=128)
    request = models.CharField(max_length=64, help_text=_("SHA-256 of method, path and body."))
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(db_index=True)

    objects = scoped_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["seller", "key"], name="idempotency_key_once"),
        ]
