"""Staff pages of compliance; importing a module registers them."""

from compliance.admin import certificates, registers

__all__ = ["certificates", "registers"]
