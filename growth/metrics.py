"""Metrics of `growth`; importing a module here registers its metrics and audience fields (K-14)."""

from growth import (
    diagnosis_metrics,
    guide_metrics,
    industry_groups,
    outside_metrics,
    pack_metrics,
    programme_metrics,
    star_metrics,
)

__all__ = [
    "diagnosis_metrics",
    "guide_metrics",
    "industry_groups",
    "outside_metrics",
    "pack_metrics",
    "programme_metrics",
    "star_metrics",
]
