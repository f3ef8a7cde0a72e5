"""Metrics of `growth`; importing a module here registers its metrics and audience fields (K-14)."""

from growth.diagnosis import metrics as diagnosis_metrics
from growth.guide import metrics as guide_metrics
from growth.packs import metrics as pack_metrics
from growth.programmes import cities, industry_groups
from growth.programmes import metrics as programme_metrics
from growth.stars import metrics as star_metrics
from growth.tasks import outside_metrics

__all__ = [
    "cities",
    "diagnosis_metrics",
    "guide_metrics",
    "industry_groups",
    "outside_metrics",
    "pack_metrics",
    "programme_metrics",
    "star_metrics",
]
