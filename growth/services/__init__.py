"""Writes of `growth`: the only way its rows change."""
