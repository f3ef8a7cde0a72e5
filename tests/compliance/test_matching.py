"""The automaton and the folding: what is found, what is left alone, and where it stood (CMP-3)."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.matching.automaton import EXCERPT, Automaton, Entry
from compliance.matching.folding import folded, latinised, look_alikes, origins

pytestmark = pytest.mark.rule("CMP-3")

WEAPONS, MARKS = 1, 2
ENTRIES = [
    Entry(WEAPONS, "gun"),
    Entry(WEAPONS, "gun parts"),
    Entry(WEAPONS, "toy gun", excuse=True),
    Entry(WEAPONS, "枪支"),
    Entry(WEAPONS, "枪支模型", excuse=True),
    Entry(WEAPONS, "pistol"),
    Entry(WEAPONS, "vin"),
    Entry(MARKS, "BIRKIN"),
    Entry(MARKS, "gun"),
]
AUTOMATON = Automaton(ENTRIES)


def terms(text: str, *classes: int) -> list[str]:
    return [one.entry.text for one in AUTOMATON.find(text, set(classes or {WEAPONS}))]


@pytest.mark.parametrize(
    "text",
    [
        "gun", "GUN", "Spring for a gun, black", "gun-spring", "gun枪", "ｇｕｎ", "𝐠𝐮𝐧", "🅶🆄🅽",
        "gún", "ɢᴜɴ", "gυn", "g\u200bu\u200dn", "g\u00adun", "g.u.n", "G_U_N", "ｇ ｕ ｎ", "buy a g*u*n",
    ],
)  # fmt: skip
def test_a_word_is_found_however_it_is_dressed(text: str) -> None:
    assert terms(text) == ["gun"]


@pytest.mark.parametrize(
    "text",
    [
        "gunmetal", "begun", "shotgun", "gu n", "sugunu", "9un", "g1un", "9 u n", "guп", "xиgun",
        "Gunther", "枪 架支", "手枪 支架", "枪支模型",
    ],
)  # fmt: skip
def test_what_only_resembles_it_is_left_alone(text: str) -> None:
    assert terms(text) == []


def test_chinese_is_found_anywhere_and_when_taken_apart() -> None:
    assert terms("玩具枪支架") == ["枪支"]
    assert terms("优质枪支") == ["枪支"]
    assert terms("枪。支") == ["枪支"]


def test_an_exception_covers_only_what_lies_in_it() -> None:
    assert terms("toy gun") == []
    assert terms("toy gun and gun spring") == ["gun"]


def test_the_longest_term_of_a_class_stands_for_those_in_it() -> None:
    assert terms("GUN PARTS") == ["gun parts"]
    assert terms("gun parts, gun") == ["gun parts", "gun"]
    assert terms("toy gun", WEAPONS, MARKS) == ["gun"]  # another class has no such exception
    assert terms("toy gun", WEAPONS) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("p1stol", ["pistol"]), ("pist0l", ["pistol"]), ("p!stol", ["pistol"]), ("pisto1s", []),
        ("BlRKIN bag", ["BIRKIN"]), ("BIRKlN", ["BIRKIN"]), ("ВІRКIN", ["BIRKIN"]),
        ("V1N reader", []), ("v1n", []),  # too short: model numbers are full of such words
        ("info@gun.com", ["gun", "gun"]), ("RTX3090 E14 USB3 p1s", []),
    ],
)  # fmt: skip
def test_signs_stand_for_letters_in_long_words_only(text: str, found: list[str]) -> None:
    assert terms(text, WEAPONS, MARKS) == found


def test_russian_stays_russian() -> None:
    russian = "Рис длиннозёрный, высший сорт, мёд и кость"
    shared = {word for word in folded(latinised(russian)).split() if word.isascii()}
    # Only words made of nothing but look-alikes are read as Latin; such a word looks the same in both.
    assert shared <= {"copt"}
    assert Automaton([Entry(1, "pnc"), Entry(1, "med")]).find(russian, {1}) == []


def test_excerpts_show_the_original_words() -> None:
    text = f"{'Ａ very long text, ' * 20}with a Ｇ.u.N inside{' and on' * 40}"
    [found] = AUTOMATON.find(text, {WEAPONS})
    assert "with a Ｇ.u.N inside" in found.excerpt
    assert found.excerpt.startswith("…")
    assert found.excerpt.endswith("…")
    assert len(found.excerpt) <= EXCERPT


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_folds_and_its_letters_keep_their_places(text: str) -> None:
    searched = folded(latinised(text))
    places = origins(text)
    if places is not None:
        assert len(places) == len(searched)
        assert places == sorted(places)
    for one in AUTOMATON.find(f"{text} gun {text}", {WEAPONS}):
        assert len(one.excerpt) <= EXCERPT
    # What is normalised by Unicode first is found all the same.
    composed = unicodedata.normalize("NFC", text)
    assert terms(f"{composed} pistol") == terms(f"{text} pistol")


def test_it_finds_what_a_loop_finds_among_ten_thousand_terms() -> None:
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdef", k=chance.randint(2, 5))) for _ in range(9_000)]
    words += ["".join(chance.choices("灯带枪支火药", k=chance.randint(2, 4))) for _ in range(1_000)]
    known = sorted(set(words))
    automaton = Automaton(Entry(1, word) for word in known)
    for _ in range(20):
        text = " ".join(chance.choices(words, k=30)) + "".join(chance.choices("灯带枪支火药", k=8))
        searched = folded(latinised(text))
        there = {w for w in known if (f" {w} " if w.isascii() else w) in searched}
        found = {one.entry.text for one in automaton.find(text, {1})}
        assert found <= there
        # Those not named lie in a longer one that is.
        assert all(any(word in longer for longer in found) for word in there)


def test_look_alikes_are_single_letters_of_the_alphabet() -> None:
    table = look_alikes()
    assert len(table) > 200
    assert all(
        len(letter) == 1 and letter.isascii() and letter.isalpha() for letter in table.values()
    )
    assert not any(chr(point).isascii() for point in table)
