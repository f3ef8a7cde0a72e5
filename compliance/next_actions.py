"""What compliance finds worth doing next; importing a module here registers its providers (UI-2)."""

__all__: list[str] = []
