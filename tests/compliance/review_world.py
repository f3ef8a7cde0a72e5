"""Reviews for the tests: taking a certificate through them, and what a refusal leaves."""

from __future__ import annotations

from typing import Any

import pytest
from auditlog.models import LogEntry

from compliance.models import Certificate, CertificateEvent
from compliance.services.reviews import certificate_approve, certificate_claim
from portal.errors import Refusal
from portal.models import User
from portal.scoping import unscoped


def approved(reviewer: User, certificate: Certificate) -> Certificate:
    """Claim and approve a certificate as it is."""
    certificate_claim(actor=reviewer, certificate=certificate)
    return certificate_approve(actor=reviewer, certificate=certificate, digest=certificate.digest)


def stored(certificate: Certificate) -> Certificate:
    """Return the certificate as it is stored."""
    with unscoped():
        return Certificate.objects.get(pk=certificate.pk)


def events(certificate: Certificate) -> list[str]:
    """Return what happened to a certificate, in order."""
    with unscoped():
        return list(
            CertificateEvent.objects.filter(certificate=certificate).values_list("kind", flat=True)
        )


def refused(code: str, certificate: Certificate, act: Any) -> Refusal:
    """Check that an act is refused with a code and changes neither row nor history nor audit."""
    with unscoped():
        before = Certificate.objects.filter(pk=certificate.pk).values().get()
    history, audits = events(certificate), LogEntry.objects.count()
    with pytest.raises(Refusal) as raised:
        act()
    assert raised.value.code == code
    with unscoped():
        assert Certificate.objects.filter(pk=certificate.pk).values().get() == before
    assert (events(certificate), LogEntry.objects.count()) == (history, audits)
    return raised.value
