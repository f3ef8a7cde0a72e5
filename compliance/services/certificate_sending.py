"""Sending the certificate form: saved, and submitted at once when asked for; all of it or nothing (EPR-4)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.certificates.fields import CertificateFields
from compliance.certificates.numbers import normalised_number
from compliance.models import Certificate
from compliance.services.certificate_files import GivenFile
from compliance.services.certificates import (
    EDITABLE,
    certificate_save,
    certificate_submit,
)
from portal.errors import Refusal
from portal.models import Member, Seller
from portal.scoping import seller_scope
from portal.services.files import files_or_nothing


class AlreadyBegun(Refusal):
    """The shop has a draft or a rejected certificate with this number: that one is to be changed."""

    def __init__(self, certificate: Certificate) -> None:
        text = _("Your shop has begun a certificate with this number already. Go on with that one.")
        super().__init__("already_begun", text, fields=[("number", text)])
        self.certificate = certificate


def certificate_send(
    *,
    member: Member,
    fields: CertificateFields,
    files: Sequence[GivenFile],
    invoices: Sequence[GivenFile],
    certificate: Certificate | None = None,
    version: int | None = None,
    submit: bool = False,
) -> Certificate:
    """Save what a form holds and submit it if asked; return the certificate as stored.

    A form for a new certificate that another tab has begun is refused (`already_begun`). Raises
    whatever `certificate_save` and `certificate_submit` raise; nothing is kept then.
    """
    with files_or_nothing(), seller_scope(member.seller), transaction.atomic():
        if certificate is None:
            # Two tabs at the same moment: the second waits here and then finds the first one's.
            Seller.objects.select_for_update(no_key=True).get(pk=member.seller_id)
            _refuse_second(fields)
        saved = certificate_save(
            member=member,
            fields=fields,
            files=files,
            invoices=invoices,
            certificate=certificate,
            version=version,
        )
        return certificate_submit(member=member, certificate=saved) if submit else saved


def _refuse_second(fields: CertificateFields) -> None:
    number = normalised_number(str(fields.number or ""))
    begun = Certificate.objects.filter(
        type=fields.type,
        country=str(fields.country or "").upper(),
        category=fields.category or "",
        number=number,
        status__in=EDITABLE,
    ).first()
    if number and begun is not None:
        raise AlreadyBegun(begun)
