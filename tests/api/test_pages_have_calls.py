"""Each page's data and each page's action has a call (API-1)."""

from __future__ import annotations

import pytest
from django.urls import get_resolver

from tests.api.page_calls import CALLS, WITHOUT
from tests.portal.access_walk import methods_of, patterns_of

pytestmark = [pytest.mark.rule("API-1"), pytest.mark.once]

PAGES = ("portal:", "rfq:", "listings:", "compliance:", "growth:")


def test_every_page_and_form_of_sellers_has_a_call() -> None:
    routes = {
        (method, name)
        for name, pattern in patterns_of(get_resolver(), ())
        for method in methods_of(pattern)
    }
    calls = {(method, name.removeprefix("api:")) for method, name in routes if "api:" in name}
    pages = {(method, name) for method, name in routes if name.startswith(PAGES)}
    same_name = {
        (method, name) for method, name in pages if (method, name.removeprefix("portal:")) in calls
    }
    told = {name for _method, name in pages - same_name}
    assert told - set(CALLS) == set(WITHOUT), "say which call has the page's data, or why none"
    assert set(CALLS) <= told, "these pages are gone, or have a call of their name"
    assert {tuple(call.split()) for call in CALLS.values()} <= calls
