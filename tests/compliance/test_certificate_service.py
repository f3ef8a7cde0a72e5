"""Certificates as the shop writes them (EPR-3 … EPR-5)."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.services.certificates import certificate_save, certificate_submit
from portal.models import Member
from tests.compliance.world import given, upload

pytestmark = pytest.mark.django_db


def test_smoke(owner: Member, clock: Any) -> None:
    made = certificate_save(member=owner, fields=given(), files=[upload()])
    sent = certificate_submit(member=owner, certificate=made)
    assert sent.status == "submitted" and len(sent.digest) == 64
    print(sent.due_at)
