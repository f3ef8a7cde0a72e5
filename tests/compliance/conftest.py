"""Fixtures of the compliance tests."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from compliance.models import Certificate, Violation
from portal.models import Member, User
from tests import factories
from tests.compliance.penalty_world import PHONES, confirm
from tests.compliance.world import reviewer_create, submitted


@pytest.fixture
def officer(db: None) -> User:
    """Somebody who decides about violations and appeals, and nothing else."""
    user = factories.user_create("officer", is_staff=True)
    user.groups.add(Group.objects.get(name="risk officer"))
    return user


@pytest.fixture
def officer_client(officer: User, settings: Any) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(officer, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def violation(staff: User, owner: Member) -> Violation:
    """A penalty of 6 points of the owner's shop."""
    return confirm(staff, owner.seller, PHONES)


@pytest.fixture
def reviewer(db: None) -> User:
    return reviewer_create("reviewer")


@pytest.fixture
def second(db: None) -> User:
    """Another reviewer."""
    return reviewer_create("second")


@pytest.fixture
def waiting(owner: Member) -> Certificate:
    """A certificate of the owner's shop that waits for its review."""
    return submitted(owner)
