"""Staff pages of compliance; importing a module registers them."""

__all__: list[str] = []
