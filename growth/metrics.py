"""Metrics of `growth`; importing a module here registers its metrics (K-14)."""

from growth import diagnosis_metrics, guide_metrics, star_metrics

__all__ = ["diagnosis_metrics", "guide_metrics", "star_metrics"]
