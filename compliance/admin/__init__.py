"""Staff pages of compliance; importing a module registers them."""

from compliance.admin import (
    appeals,
    certificates,
    chemicals,
    gate,
    marks,
    obligations,
    registers,
    rule_classes,
    traits,
    violations,
)

__all__ = [
    "appeals",
    "certificates",
    "chemicals",
    "gate",
    "marks",
    "obligations",
    "registers",
    "rule_classes",
    "traits",
    "violations",
]
