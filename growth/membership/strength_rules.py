"""Who may show which strength label: pure (GRO-16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from growth.membership.strength_schema import LabelEntry, StrengthRules


@dataclass(frozen=True)
class Proof:
    """A certificate that counts: its type, and what it is called."""

    type: str
    name: str


def label_available(
    entry: LabelEntry, proofs: Iterable[Proof], numbers: Mapping[str, Decimal]
) -> bool:
    """Tell whether a shop may show a label: one of the proofs it asks for is enough (GRO-16)."""
    if not entry.needs_proof:
        return True
    standard = entry.standard.casefold()
    if any(
        proof.type in entry.certificates and standard in proof.name.casefold() for proof in proofs
    ):
        return True
    return entry.rule is not None and entry.rule.holds(numbers.get(entry.metric))


def labels_shown(
    rules: StrengthRules,
    chosen: Sequence[str],
    proofs: Iterable[Proof],
    numbers: Mapping[str, Decimal],
) -> list[LabelEntry]:
    """Return the chosen labels that buyers see: still in the catalogue, and still proven."""
    proofs = list(proofs)
    entries = (rules.label(key) for key in chosen)
    return [entry for entry in entries if entry and label_available(entry, proofs, numbers)]
