"""Staff pages of compliance; importing a module registers them."""

from compliance.admin import appeals, certificates, gate, obligations, registers, traits, violations

__all__ = ["appeals", "certificates", "gate", "obligations", "registers", "traits", "violations"]
