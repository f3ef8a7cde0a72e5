"""A made-up marketplace for screening: ten classes of 10,000 terms, and products that name some of them.

Words are made of syllables and signs, so that terms begin and end like ordinary words and lie in each other,
as real ones do. Everything follows from the seed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from compliance.matching.automaton import Entry
from compliance.screening import ProductText

CLASSES = 10
SYLLABLES = (
    "ba", "cor", "den", "fil", "gar", "hin", "jet", "kel", "lam", "mon", "nor", "pel", "quin", "ras", "sil",
    "tan", "ul", "ver", "wol", "zin",
)  # fmt: skip
SIGNS = "灯带钢管轴承电机泵阀塑料布袋玻璃瓶盖螺栓齿轮弹簧火药枪支种苗蛋鱼虾蟹药剂油漆车牌表轮胎座椅箱柜门窗"
LOOK_ALIKES = str.maketrans("aeocpxy", "аеосрху")
"""Latin letters and Cyrillic ones that look the same."""


def _latin(chance: random.Random) -> str:
    return "".join(chance.choices(SYLLABLES, k=chance.randint(1, 3)))


def _chinese(chance: random.Random) -> str:
    return "".join(chance.choices(SIGNS, k=chance.randint(2, 5)))


@dataclass
class World:
    """Terms by class, and products; `share` of the products name terms, a fifth of those disguised."""

    terms: int = 10_000
    products: int = 10_000
    share: float = 0.1
    seed: int = 1
    entries: list[Entry] = field(init=False)
    texts: list[ProductText] = field(init=False)

    def __post_init__(self) -> None:
        """Make everything."""
        chance = random.Random(self.seed)
        # What products say is other words than terms, but of the same making.
        self._plain = sorted({_latin(chance) for _word in range(6_000)})
        self._signs = sorted({_chinese(chance) for _word in range(3_000)})
        self.entries = self._terms(chance)
        self._hidden = [entry.text for entry in self.entries if not entry.excuse]
        self.texts = [self._product(chance, number) for number in range(self.products)]

    def _terms(self, chance: random.Random) -> list[Entry]:
        """Six of ten terms are Latin, of one to three words; one of fifty is an exception."""
        plain, signs = set(self._plain), set(self._signs)
        found: dict[str, None] = {}
        while len(found) < self.terms:
            if chance.random() < 0.6:
                text = " ".join(_latin(chance) for _word in range(chance.randint(1, 3)))
                known = text in plain
            else:
                text = _chinese(chance)
                known = len(text) < 4 or text in signs  # shorter ones would be everywhere
            if not known:
                found[text] = None
        return [
            Entry(1 + number % CLASSES, text, excuse=number % 50 == 0)
            for number, text in enumerate(found)
        ]

    def _words(self, chance: random.Random, count: int) -> str:
        """Return English, or Chinese, or both."""
        words = chance.choices(self._plain, k=count)
        kind = chance.random()
        if kind < 0.5:
            return " ".join(words)
        chinese = "，".join(chance.choices(self._signs, k=count // 2))
        return chinese if kind < 0.75 else f"{' '.join(words[: count // 2])} {chinese}"

    def _product(self, chance: random.Random, number: int) -> ProductText:
        title = self._words(chance, 12)
        if chance.random() < self.share:
            term = chance.choice(self._hidden)
            if chance.random() < 0.2:
                term = term.translate(LOOK_ALIKES) if term.isascii() else " ".join(term)
            title = f"{title} {term}"
        return ProductText(
            product_id=f"p{number}",
            category_id=0,
            title=title.capitalize(),
            keywords=[self._words(chance, 3) for _keyword in range(3)],
            attributes={f"Attribute {n}": self._words(chance, 2) for n in range(8)},
            description=self._words(chance, 150),
        )
