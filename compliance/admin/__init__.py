"""Staff pages of compliance; importing a module registers them."""

from compliance.admin import appeals, certificates, obligations, registers, violations

__all__ = ["appeals", "certificates", "obligations", "registers", "violations"]
