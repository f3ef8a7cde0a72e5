"""Who runs the nights, and what they are told (NGT-6)."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.urls import reverse

from portal.choices import RunState
from portal.models import NightRun, ShardRun, User
from portal.nightly.ledger import BLOCKED
from portal.services.notices import notice_send

PERMISSION = "portal.run_night"


def operators() -> QuerySet[User]:
    """Return the active staff who may run nights: by their own permission, a group's, or all."""
    codename = PERMISSION.partition(".")[2]
    mine = Q(
        user_permissions__codename=codename, user_permissions__content_type__app_label="portal"
    )
    groups = Q(
        groups__permissions__codename=codename,
        groups__permissions__content_type__app_label="portal",
    )
    return User.objects.filter(
        Q(is_superuser=True) | mine | groups, is_active=True, is_staff=True
    ).distinct()


def operators_tell(run: NightRun) -> int:
    """Tell every operator that a closed run failed, once per failure; return how many were told.

    A retry that fails is another failure.
    """
    # What it blocked is not what has to be mended.
    failed = (
        run.jobs.filter(state=RunState.FAILED).exclude(error__startswith=BLOCKED).order_by("pk")
    )
    shards = ShardRun.objects.filter(job_run__run=run, state=RunState.FAILED).count()
    return notice_send(
        kind="night_failed",
        key=f"night_failed:{run.pk}:{run.finished_at:%Y%m%dT%H%M%S.%f}",
        params={
            "day": run.as_of,
            "job": ", ".join(failed.values_list("job", flat=True)),
            "shards": shards,
        },
        link=reverse("admin:portal_nightrun_change", args=[run.pk]),
        users=operators(),
    )
