"""The demo world: built through the same doors as upstream, once, also after an interruption."""

from __future__ import annotations

import pytest

from portal.demo import build
from portal.models import DemoClock, IngestBatch, Seller


@pytest.mark.django_db
@pytest.mark.rule("CMD-1")
def test_the_demo_is_wanted_in_an_empty_database_only(shop: Seller) -> None:
    assert not build.demo_is_wanted()
    shop.delete()
    assert build.demo_is_wanted()


@pytest.mark.django_db
@pytest.mark.rule("CMD-1")
def test_an_interrupted_build_is_taken_up_again(shop: Seller) -> None:
    IngestBatch.objects.create(kind="sellers", source=build.SOURCE)
    assert build.demo_is_wanted()
    DemoClock.objects.create()
    assert not build.demo_is_wanted()
