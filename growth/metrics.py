"""Metrics of `growth`; importing a module here registers its metrics (K-14)."""

from growth import guide_metrics

__all__ = ["guide_metrics"]
