"""Which words an RFQ is found by, and what a typed search looks up (RFQ-2)."""

from __future__ import annotations

import pytest

from rfq.market.search_words import MAX_SEARCHED, MAX_WORDS, groups_of, singular, words_of

pytestmark = pytest.mark.rule("RFQ-2")


def found(search: str, title: str, details: str = "") -> bool:
    """Tell whether all words typed are among those kept."""
    words = set(words_of(title, details))
    return all(group <= words for group in groups_of(search))


@pytest.mark.parametrize(
    ("search", "title", "expected"),
    [
        ("灯带", "RGB灯带 5米", True),
        ("灯带", "防水灯带电源", True),
        ("灯带电", "防水灯带电源", True),
        ("带灯", "防水灯带电源", False),
        ("灯", "防水灯带电源", True),
        ("源", "防水灯带电源", True),
        ("rgb灯", "RGB灯带", True),
        ("e-bike kit", "48V E-Bike conversion kits", True),
        ("bike", "48V ｅ－ＢＩＫＥ kit", True),
        ("bik", "48V e-bike kit", False),
        ("batteries", "Lithium battery", True),
        ("battery", "Lithium batteries", True),
        ("glass", "Glasses", False),
        ("", "anything", True),
        ("!!! —", "anything", True),
    ],
)
def test_words_are_found_whole_and_chinese_anywhere(
    search: str, title: str, expected: bool
) -> None:
    assert found(search, title) is expected


def test_details_are_searched_too_and_the_title_comes_first() -> None:
    assert found("waterproof", "LED strip", "It has to be waterproof.")
    many = " ".join(f"word{number}x" for number in range(200))
    words = words_of("LED strip 灯带", many)
    assert len(words) == MAX_WORDS
    assert words[:5] == ["led", "strip", "灯带", "灯", "带"]
    assert len(words_of(many, "more")) == MAX_WORDS


def test_each_typed_piece_is_a_group_and_long_searches_end() -> None:
    assert groups_of("e-bike  KITS 灯带电") == [
        frozenset({"e", "bike"}),
        frozenset({"kit"}),
        frozenset({"灯带", "带电"}),
    ]
    endless = groups_of(" ".join(f"w{number}x" for number in range(100)))
    assert sum(map(len, endless)) == MAX_SEARCHED
    assert len(max(words_of("x" * 300, ""), key=len)) == 40
    assert found("x" * 300, "x" * 300)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("kits", "kit"), ("batteries", "battery"), ("boxes", "boxe"), ("glass", "glass"),
     ("bus", "bus"), ("status", "status"), ("gas", "gas"), ("shoes", "shoe"), ("lens", "len")],
)  # fmt: skip
def test_plurals_lose_their_ending(word: str, expected: str) -> None:
    assert singular(word) == expected
