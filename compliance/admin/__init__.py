"""Staff pages of compliance; importing a module registers them."""

from compliance.admin import certificates, obligations, registers

__all__ = ["certificates", "obligations", "registers"]
