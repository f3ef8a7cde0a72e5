"""Tiles of the home page: EPR days to the deadline and products affected (UI-2)."""
