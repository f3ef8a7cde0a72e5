"""System check: the jobs form an order (NGT-2)."""

from __future__ import annotations

from typing import Any

from django.core import checks

from portal.nightly.night_sql import change_model_of
from portal.nightly.registry import RegistryError, registry


@checks.register("nights")
def check_jobs(**kwargs: Any) -> list[checks.CheckMessage]:
    """Refuse to start with unknown needs, circles, or standings that nothing stages."""
    try:
        jobs = registry.ordered()
    except RegistryError as error:
        return [checks.Error(f"Nightly jobs: {error}", id="portal.E001")]
    found: list[checks.CheckMessage] = []
    for job in jobs:
        for model in job.standings:
            try:
                change_model_of(model)
            except LookupError as error:
                found.append(checks.Error(f"Nightly job {job.name}: {error}", id="portal.E002"))
    return found
