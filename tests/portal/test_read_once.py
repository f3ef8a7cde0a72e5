"""What several modules ask of a page is read once for it, and never kept beyond it (UI-2)."""

from __future__ import annotations

import pytest

from portal.read_once import read_once, reading_once

pytestmark = pytest.mark.rule("UI-2")


def test_a_page_reads_once_and_nothing_outlives_it() -> None:
    calls: list[tuple[object, ...]] = []

    @read_once
    def read(*asked: object, **named: object) -> int:
        calls.append((*asked, *named.values()))
        if "bad" in asked:
            raise ValueError
        return len(calls)

    assert (read(1), read(1)) == (1, 2), "outside a page everything is read anew"
    with reading_once():
        assert (read(1), read(1), read(2), read(day=2), read(day=2)) == (3, 3, 4, 5, 5)
        for _time in range(2):
            with pytest.raises(ValueError):  # noqa: PT011
                read("bad")
        with reading_once():
            assert read(1) == 8
        assert read(1) == 3
    assert read(1) == 9
    assert calls.count(("bad",)) == 2
