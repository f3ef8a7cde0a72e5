"""Addresses looked up once per process are those of the prefix and the URLconf of the moment (P-3)."""

from __future__ import annotations

import pytest
from django import urls
from django.test import override_settings
from django.urls import NoReverseMatch, set_script_prefix

from portal.addresses import reverse

pytestmark = pytest.mark.rule("P-3")

urlpatterns = [urls.path("elsewhere/", lambda _request: None, name="elsewhere")]
"""Another URLconf: this module."""


def test_an_address_is_that_of_the_moment() -> None:
    asked = [("portal:home", ()), ("rfq:quote", (7,)), ("rfq:quote", (8,)), ("rfq:rfq", ("R 1",))]
    for _turn in range(2):
        for view, args in asked:
            assert reverse(view, args=args) == urls.reverse(view, args=args)
    before = reverse("portal:home")
    try:
        set_script_prefix("/below/")
        assert reverse("portal:home") == f"/below{before}"
    finally:
        set_script_prefix("/")
    assert reverse("portal:home") == before
    for _turn in range(2):
        with pytest.raises(NoReverseMatch):
            reverse("no:such")
    with override_settings(ROOT_URLCONF=__name__):
        assert reverse("elsewhere") == "/elsewhere/"
    with pytest.raises(NoReverseMatch):
        reverse("elsewhere")
