"""A job whose input is missing fails, and readers keep what they had: nothing is skipped without a word (NGT-2, K-16).

What a job needs of other jobs is in `test_nights.py` (a job that failed blocks those that need it), an unknown need
stops the start of the portal.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from portal import platform_time
from portal.choices import RulebookStatus, RunState
from portal.models import JobRun, Rulebook
from portal.nightly import engine, ledger
from portal.nightly.registry import registry
from tests.conftest import Clock
from tests.portal.night_world import DAY, Night, states

pytestmark = [pytest.mark.django_db, pytest.mark.rule("NGT-2", "K-16")]

ONE = timedelta(days=1)
MODULE = "rfq.score"
JUDGING = {
    "compliance.gate_overview": "compliance.epr",
    "compliance.reminders": "compliance.epr",
    "growth.diagnosis": "growth.diagnosis",
    "growth.stages": "growth.guide",
    "growth.stars": "growth.star",
    "growth.tasks": "growth.guide",
    "rfq.score": "rfq.score",
}
"""Jobs that judge by rules; each names its module."""


def rules_hold(first: date, last: date | None) -> None:
    """Let one rulebook of the test's module be published, for these days."""
    others = Rulebook.objects.filter(module=MODULE).order_by("effective_from")
    kept = others[0]
    others.exclude(pk=kept.pk).delete()
    Rulebook.objects.filter(pk=kept.pk).update(effective_from=first, effective_to=last)


def test_every_job_that_judges_names_its_rules() -> None:
    """A job that reads rules and does not name them would not be stopped."""
    assert {job.name: ", ".join(job.rulebook_modules) for job in registry.jobs.values() if job.rulebook_modules} == JUDGING  # fmt: skip


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("first", "last", "state"),
    [
        (DAY - ONE, None, RunState.COMPLETE),
        (DAY - ONE, DAY, RunState.COMPLETE),
        (DAY - 2 * ONE, DAY - ONE, RunState.FAILED),
        # Before the first rules nobody was judged, and nobody loses anything.
        (DAY + ONE, None, RunState.COMPLETE),
    ],
    ids=["in force", "last day", "ended", "not begun"],
)
def test_a_job_without_rules_fails_and_says_which(
    night: Night, first: date, last: date | None, state: RunState
) -> None:
    night.add("judge", rulebook_modules=(MODULE,))
    night.add("other")
    rules_hold(first, last)
    run = night.run()
    assert (run.state, states(run)) == (state, {"judge": state, "other": RunState.COMPLETE})
    error = JobRun.objects.get(run=run, job="judge").error
    assert error == (
        f"No rules of {MODULE} are in force on {DAY}." if state == RunState.FAILED else ""
    )
    assert ("judge/0" in night.log) == (state == RunState.COMPLETE)


def test_rules_that_were_never_published_stop_it_too(night: Night) -> None:
    night.add("judge", rulebook_modules=(MODULE,))
    Rulebook.objects.filter(module=MODULE).update(status=RulebookStatus.DRAFT)
    assert night.run().state == RunState.FAILED


@pytest.mark.rule("NGT-6")
def test_with_rules_the_failed_job_can_be_tried_again(night: Night, staff: object) -> None:
    night.add("judge", rulebook_modules=(MODULE,))
    night.add("after", "judge")
    rules_hold(DAY - 2 * ONE, DAY - ONE)
    run = night.run()
    assert states(run) == {"judge": RunState.FAILED, "after": RunState.FAILED}
    rules_hold(DAY - 2 * ONE, None)
    ledger.night_retry(run=run, actor=staff)  # type: ignore[arg-type]
    assert engine.run_inline(run_id=run.pk).state == RunState.COMPLETE


@pytest.mark.parametrize("job", sorted(JUDGING))
def test_each_judging_job_publishes_nothing_without_its_rules(job: str, clock: Clock) -> None:
    """Each of the portal's own, whatever it would have made of a day without rules."""
    clock.noon(DAY + platform_time.DELAY_DAYS * ONE)
    Rulebook.objects.filter(module=JUDGING[job]).exclude(effective_from__gt=DAY).update(
        effective_to=DAY - ONE
    )
    Rulebook.objects.filter(module=JUDGING[job], effective_from__gt=DAY).delete()
    run = ledger.night_start(as_of=DAY, jobs=[job])
    engine.run_inline(run_id=run.pk)
    assert JobRun.objects.get(run=run, job=job).state == RunState.FAILED
