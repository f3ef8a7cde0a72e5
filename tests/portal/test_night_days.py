"""What a night warns of, whatever nights were missed (K-18)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from portal.nightly.days import endings_to_warn_of, night_day

TODAY = date(2022, 8, 3)
ONE = timedelta(days=1)
AS_OF = TODAY - 2 * ONE


@pytest.fixture(autouse=True)
def today(clock):
    clock.noon(TODAY)


def warned(as_of: date, previous: date | None) -> dict[int, int]:
    """Return days from today → warning."""
    return {(day - TODAY).days: due for day, due in endings_to_warn_of(as_of, previous).items()}


@pytest.mark.rule("K-18")
@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (0, {7: 7, 1: 1}),
        (1, {6: 7, 7: 7, 0: 1, 1: 1}),
        (4, {3: 7, 4: 7, 5: 7, 6: 7, 7: 7, 0: 1, 1: 1}),
        (400, {0: 1, 1: 1, 2: 7, 3: 7, 4: 7, 5: 7, 6: 7, 7: 7}),
    ],
)
def test_a_night_warns_of_what_the_missed_ones_would_have_and_is_not_over(missed, expected):
    assert warned(AS_OF, AS_OF - (1 + missed) * ONE) == expected


@pytest.mark.rule("K-18", "NGT-4")
def test_a_night_caught_up_late_warns_of_its_own_and_counts_from_today():
    assert night_day(AS_OF - ONE) == TODAY
    assert warned(AS_OF - ONE, AS_OF - 2 * ONE) == {6: 7, 7: 7, 0: 1, 1: 1}
    assert warned(AS_OF - ONE, None) == {6: 7, 7: 7, 0: 1, 1: 1}, "also the first of all"


@pytest.mark.rule("K-18")
def test_the_first_night_and_one_computed_again_warn_of_their_own_days_only():
    assert warned(AS_OF, None) == {7: 7, 1: 1}
    assert warned(AS_OF, AS_OF - ONE) == {7: 7, 1: 1}
