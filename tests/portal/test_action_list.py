"""The list of what to do next is drawn with everything escaped that a shop or upstream wrote (UI-2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils.functional import lazystr
from django.utils.safestring import SafeString

from portal import platform_time
from portal.next_actions import NextAction
from portal.templatetags.action_list import action_bands

pytestmark = pytest.mark.rule("UI-2")
EVIL = "<script>alert('&')</script>"
ESCAPED = "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;"


def test_whatever_is_in_an_action_is_escaped(clock: Any) -> None:
    action = NextAction(
        title=EVIL, url=f'/x?q="{EVIL}', gain=lazystr(EVIL), loses=EVIL, button=EVIL, icon="truck"
    )
    html = action_bands([(lazystr(EVIL), [action])])
    assert isinstance(html, SafeString)
    assert "<script" not in html
    assert html.count(ESCAPED) == 7, "band, title twice, stake, gain, address, button"
    assert '"<' not in html.split('href="')[1].split(">")[0]


def test_the_first_button_alone_leads_and_ends_are_counted_down(clock: Any) -> None:
    due = platform_time.now() + timedelta(hours=5)
    gains = [NextAction(title=f"do {n}", url=f"/{n}", gain="more") for n in range(2)]
    loses = NextAction(title="hurry", url="/hurry", loses="all", due=due)
    html = action_bands([("Now", [loses]), ("Later", gains)], lead=True)
    assert html.count("btn-primary") == 1
    assert html.index("btn-primary") < html.index("/hurry") < html.index("Later")
    assert html.count("action-loses") == 1 == html.count("countdown-danger")
    assert html.count("At stake") == 1
    assert html.count(">Gain<") == 2
    assert "btn-primary" not in action_bands([("Later", gains)])
