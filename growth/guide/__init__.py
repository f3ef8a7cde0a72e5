"""The growth guide: stages, milestones and tasks of a shop's first year (GRO-1 … GRO-4)."""
