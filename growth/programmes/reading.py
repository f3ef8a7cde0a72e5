"""Programmes as one shop reads them: conditions, window, where it stands, what is in the way (GRO-17)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from growth.choices import EnrolmentState
from growth.models import Enrolment, Programme
from growth.programmes.products import ProductsReading, products_of
from growth.programmes.rules import (
    EnrolmentStanding,
    WindowReading,
    cooling_until,
    first_refusal,
    leaving_from,
    next_step,
    renewal_from,
    step_due_at,
    window_on,
)
from growth.programmes.schema import (
    ENROLLED_IN,
    Condition,
    Criterion,
    ProgrammeContent,
    Route,
    Step,
    Words,
)
from portal import platform_time
from portal.audience import FIELDS, ConditionReading, audience_readings
from portal.bilingual import both_texts, in_both
from portal.metrics import metric_title
from portal.models import Seller, User
from portal.prepared_reads import prepared
from portal.read_once import read_once
from portal.scoping import unscoped
from portal.templatetags.portal_ui import day_text, list_text

NOTHING = "–"
"""What a condition's value reads when there is none."""
NO_STATE = "none"
"""State of a programme the shop never enrolled in."""
PLACE_KEPT = tuple(
    state for state in EnrolmentState if state not in (EnrolmentState.REFUSED, EnrolmentState.LEFT)
)
"""States of enrolments that take a place: who is refused or leaves gives it back."""


def content_of(programme: Programme) -> ProgrammeContent:
    """Return the typed content of a programme; parsed once per object."""
    parsed: ProgrammeContent | None = getattr(programme, "parsed_content", None)
    if parsed is None:
        parsed = ProgrammeContent.model_validate(programme.content)
        programme.parsed_content = parsed  # type: ignore[attr-defined]
    return parsed


# --- Conditions ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class CriterionReading:
    """A criterion as one shop reads it: met, not met, or (None) for staff to judge by the documents."""

    text: str
    value: str
    met: bool | None
    unmet: str

    @property
    def worth_showing(self) -> str:
        """What the shop has, where the sentence does not say it already; empty otherwise."""
        plain = self.value in (NOTHING, "1") or self.value in self.text
        return "" if plain else self.value

    @property
    def said(self) -> str:
        """The criterion in a sentence; one that is not met says what is missing."""
        return self.unmet if self.met is False else self.text


def criterion_reading(
    criterion: Criterion, readings: Sequence[ConditionReading]
) -> CriterionReading:
    """Put together what its conditions say for a shop. Pure."""
    text = str(criterion.text) if criterion.text else readings[0].text
    about = {one.field for one in criterion.conditions}
    several = len(readings) > 1
    values = dict.fromkeys(
        one.value for one in readings if one.value != NOTHING and not (several and one.value == "0")
    )
    if about == {ENROLLED_IN}:
        values = {}  # what else the shop takes part in says nothing
    value = list_text(values) or NOTHING
    unmet = text
    if value != NOTHING:
        unmet = _("%(condition)s (yours: %(value)s)") % {"condition": text, "value": value}
    if criterion.text is None:
        unmet = _needs(criterion.conditions[0], value) or unmet
    return CriterionReading(text, value, _met(criterion, readings), unmet)


def _met(criterion: Criterion, readings: Sequence[ConditionReading]) -> bool | None:
    held = [one.met for one in readings]
    if readings and (all(held) if criterion.need == "all" else any(held)):
        return True
    if not criterion.judged:
        return False
    open_ones = [one for one in readings if not one.met and one.value == NOTHING]
    known = [one for one in readings if not one.met and one.value != NOTHING]
    if not readings or (open_ones and (criterion.need == "any" or not known)):
        return None
    return False


def _needs(condition: Condition, value: str) -> str:
    """Say what a number lacks: "Assessed star 0, needs 1"; nothing for other conditions."""
    if condition.op != "gte" or isinstance(condition.value, (str, list)):
        return ""
    name = condition.field or condition.metric or ""
    title = FIELDS[name].title if name in FIELDS and condition.field else metric_title(name)
    return _("%(subject)s %(value)s, needs %(wanted)s") % {
        "subject": title,
        "value": value,
        "wanted": f"{condition.value:,}",
    }


@dataclass(frozen=True)
class RouteReading:
    """A way in as one shop reads it."""

    route: Route
    criteria: list[CriterionReading]

    @property
    def eligible(self) -> bool:
        """Whether nothing of it is unmet."""
        return all(one.met is not False for one in self.criteria)

    @property
    def lacking(self) -> int:
        """Number of criteria that are not met."""
        return sum(one.met is False for one in self.criteria)

    @property
    def is_for_others(self) -> bool:
        """Whether it is for shops of another membership: what it lacks is not what keeps this one out."""
        return any(
            said.met is False and any(each.field == "membership" for each in asked.conditions)
            for asked, said in zip(self.route.audience, self.criteria, strict=True)
        )

    @property
    def title(self) -> str:
        """Its title in the active language; empty where there is only one."""
        return str(self.route.title or "")


# --- A programme --------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProgrammeReading:
    """A programme for one shop on a day.

    `newest` is its newest enrolment, whatever became of it. `places_left` is none without a limit.
    """

    programme: Programme
    content: ProgrammeContent
    criteria: list[CriterionReading]
    routes: list[RouteReading]
    window: WindowReading
    enrolments: list[Enrolment]
    places_left: int | None
    had_by_owner: bool
    day: date
    products: ProductsReading | None = None

    @property
    def newest(self) -> Enrolment | None:
        """The newest enrolment."""
        return self.enrolments[0] if self.enrolments else None

    @property
    def current(self) -> Enrolment | None:
        """The enrolment that waits or holds; one whose time is over does neither."""
        found = (one for one in self.enrolments if one.is_open and not one.over_on(self.day))
        return next(found, None)

    @property
    def state(self) -> str:
        """State of the newest enrolment; `expired` from the day after its last, `none` without one."""
        newest = self.current or self.newest
        if newest is None:
            return NO_STATE
        return EnrolmentState.EXPIRED if newest.over_on(self.day) else newest.state

    @cached_property
    def best(self) -> RouteReading:
        """The way in that fits the shop, or the one for its membership that lacks least."""
        return min(self.routes, key=lambda one: (not one.eligible, one.is_for_others, one.lacking))

    def route(self, key: str) -> RouteReading | None:
        """Return a way in by its key."""
        return next((one for one in self.routes if one.route.key == key), None)

    @property
    def conditions(self) -> list[CriterionReading]:
        """What is asked of every shop and on the way in that fits best."""
        return [*self.criteria, *self.best.criteria]

    @property
    def eligible(self) -> bool:
        """Whether no condition is unmet."""
        return self.eligible_by(self.best)

    def eligible_by(self, route: RouteReading) -> bool:
        """Tell whether no condition is unmet on one way in."""
        return route.eligible and all(one.met is not False for one in self.criteria)

    @property
    def left_on(self) -> date | None:
        """Day on which the shop last left after having been in, or none."""
        left = [
            platform_time.day_of(one.ended_at)
            for one in self.enrolments
            if one.state == EnrolmentState.LEFT and one.since is not None and one.ended_at
        ]
        return max(left, default=None)

    @property
    def cooling_until(self) -> date | None:
        """Last day on which it stays out because it left, while that lasts."""
        if self.left_on is None:
            return None
        until = cooling_until(self.content.exit, self.left_on)
        return until if until is not None and self.day <= until else None

    @property
    def was_removed(self) -> bool:
        """Whether staff removed the shop when it was last in: then they decide whether it comes back.

        Applications since then that came to nothing do not change that.
        """
        last = next((one for one in self.enrolments if one.since is not None), None)
        return last is not None and last.state == EnrolmentState.REMOVED

    def needs_review(self, route: Route) -> bool:
        """Tell whether staff decide about an application."""
        return route.review or self.was_removed

    def agrees(self, route: Route) -> bool:
        """Tell whether the agreement is to be ticked on a way in."""
        return route.agrees and self.content.agreement is not None

    def refusal(self, route: RouteReading | None = None) -> str:
        """Return the code of the first thing in the way of enrolling, or an empty text."""
        return first_refusal(
            EnrolmentStanding(
                state=EnrolmentState(self.current.state) if self.current else None,
                cooling=self.cooling_until is not None,
                eligible=self.eligible_by(route or self.best),
                window=self.window.state,
                places_left=self.places_left,
                had_by_owner=self.had_by_owner,
            )
        )

    @property
    def why_not(self) -> str:
        """Say what is in the way of enrolling; empty when nothing is."""
        code = self.refusal()
        return refusal_text(self, code, self.best) if code else ""

    @property
    def may_enrol(self) -> bool:
        """Whether nothing is in the way."""
        return not self.refusal()

    @property
    def may_leave_from(self) -> date | None:
        """First day on which the shop may leave what it is in; none when it cannot leave at all."""
        current = self.current
        if current is None:
            return None
        if current.state != EnrolmentState.ACTIVE or current.since is None:
            return self.day
        return leaving_from(self.content.exit, current.since) if self.content.exit.allowed else None

    @property
    def can_leave(self) -> bool:
        """Whether leaving, or taking the application back, is possible today."""
        return self.may_leave_from is not None and self.may_leave_from <= self.day

    @property
    def next_step(self) -> Step | None:
        """The step that comes next, for a shop that is in."""
        current = self.current
        if current is None or current.state != EnrolmentState.ACTIVE:
            return None
        return next_step(self.content.steps, current.step)

    @property
    def next_step_due(self) -> datetime | None:
        """Until when the next step is to be done."""
        step, current = self.next_step, self.current
        if step is None or current is None or current.step_at is None:
            return None
        return step_due_at(step, current.step_at)

    @property
    def renewal_from(self) -> date | None:
        """First day on which renewing can be asked for; none where it cannot be at all."""
        current, rule = self.current, self.content.renewal
        if rule is None or current is None or current.until is None:
            return None
        return None if current.state != EnrolmentState.ACTIVE else renewal_from(rule, current.until)


def refusal_text(reading: ProgrammeReading, code: str, route: RouteReading) -> str:
    """Return a refusal in words, with what is missing or when it will be possible."""
    if code == "not_eligible":
        missing = [one.said for one in (*reading.criteria, *route.criteria) if one.met is False]
        return _("Your shop does not meet: %(missing)s.") % {"missing": "; ".join(missing)}
    if code == "cooling_down" and reading.cooling_until is not None:
        return _("Your shop has left, and can come back after %(day)s.") % {
            "day": day_text(reading.cooling_until)
        }
    if code == "window_closed":
        span = reading.window.span
        if span is None or span.first is None:
            return _("Enrolment is over.")
        return _("Enrolment opens on %(day)s.") % {"day": day_text(span.first)}
    if code == "full":
        return _("All places are taken.")
    if reading.current is None:
        return _("You have had this once already; it is there once for every owner.")
    return _("Your shop has enrolled already.")


def published_programmes() -> QuerySet[Programme]:
    """Return the programmes shops may see, in their order."""
    return Programme.objects.filter(published=True).order_by("position", "code")


def programme_readings(
    seller: Seller, programmes: Iterable[Programme], *, user: User | None = None
) -> list[ProgrammeReading]:
    """Return programmes as a shop reads them today, in their order (GRO-17).

    A constant number of queries, and one per field or metric that conditions name. `user` is who would
    enrol, for what a person can have once.
    """
    programmes = list(programmes)
    day = platform_time.today()
    contents = {programme.pk: content_of(programme) for programme in programmes}
    said = _criteria_of(seller, contents.values(), day)
    enrolments = enrolments_of(seller)
    windows = {
        pk: window_on(content.windows, day, until=content.term.until)
        for pk, content in contents.items()
    }
    places = _places_left(contents, windows)
    had = _had_by(user, contents)
    products = products_of(seller, contents)
    return [
        ProgrammeReading(
            programme=each,
            content=contents[each.pk],
            criteria=[said[id(one)] for one in contents[each.pk].audience],
            routes=[
                RouteReading(route, [said[id(one)] for one in route.audience])
                for route in contents[each.pk].routes
            ],
            window=windows[each.pk],
            enrolments=enrolments.get(each.pk, []),
            places_left=places.get(each.pk),
            had_by_owner=each.pk in had,
            day=day,
            products=products.get(each.pk),
        )
        for each in programmes
    ]


def programme_reading(
    seller: Seller, code: str, *, user: User | None = None
) -> ProgrammeReading | None:
    """Return one published programme as a shop reads it, or none."""
    found = programme_readings(seller, published_programmes().filter(code=code), user=user)
    return found[0] if found else None


def _criteria_of(
    seller: Seller, contents: Iterable[ProgrammeContent], day: date
) -> dict[int, CriterionReading]:
    """Return every criterion read for the shop, by identity; each field and metric is read once."""
    criteria = [one for content in contents for one in content.criteria()]
    readings = audience_readings(
        seller,
        [[each.as_audience() for each in criterion.conditions] for criterion in criteria],
        day=day,
    )
    return {
        id(criterion): criterion_reading(criterion, said)
        for criterion, said in zip(criteria, readings, strict=True)
    }


@read_once
def enrolments_of(seller: Seller) -> dict[int, list[Enrolment]]:
    """Return a shop's enrolments by programme, the newest first; one query."""
    found: dict[int, list[Enrolment]] = defaultdict(list)
    with unscoped():
        for enrolment in _enrolments(seller.pk):
            found[enrolment.programme_id].append(enrolment)
    return found


@prepared
def _enrolments(seller_id: int) -> QuerySet[Enrolment]:
    return Enrolment.objects.filter(seller=seller_id).order_by("-applied_at", "-pk")


def _places_left(
    contents: Mapping[int, ProgrammeContent], windows: Mapping[int, WindowReading]
) -> dict[int, int]:
    """Return the places left in today's window of the programmes that limit them; one query."""
    limited = {pk: content for pk, content in contents.items() if content.places is not None}
    if not limited:
        return {}
    asked = Q(pk__in=[])
    for pk in limited:
        span = windows[pk].span
        asked |= Q(programme=pk, round=span.round if span else None)
    with unscoped():
        taken = dict(
            Enrolment.objects.filter(asked, state__in=PLACE_KEPT)
            .order_by()
            .values_list("programme")
            .annotate(number=Count("pk"))
        )
    return {pk: max(0, (content.places or 0) - taken.get(pk, 0)) for pk, content in limited.items()}


def _had_by(user: User | None, contents: Mapping[int, ProgrammeContent]) -> set[int]:
    """Return the programmes a person can have once and has had, in whatever shop."""
    once = [pk for pk, content in contents.items() if content.once_per_owner]
    if user is None or not once:
        return set()
    with unscoped():
        rows = Enrolment.objects.filter(programme__in=once, applied_by=user, state__in=PLACE_KEPT)
        return set(rows.values_list("programme_id", flat=True))


# --- Why something ended ------------------------------------------------------------------------

PREREQUISITE_ENDED = "prerequisite_ended"
CONDITIONS_ENDED = "conditions_ended"
STEP_MISSED = "step_missed"
REASONS = {
    PREREQUISITE_ENDED: gettext_lazy("The programme it builds on has ended."),
    CONDITIONS_ENDED: gettext_lazy("The shop no longer meets the conditions."),
    STEP_MISSED: gettext_lazy("A step was not done in time."),
}
"""Reasons the portal itself gives, by code."""


def reason_words(enrolment: Enrolment) -> Words | None:
    """Return the ready reason of an enrolment in both languages: a ground for removal, or our own."""
    code = enrolment.reason_code
    for ground in content_of(enrolment.programme).removal:
        if ground.key == code:
            return ground.text
    return Words(**in_both(lambda: REASONS[code])) if code in REASONS else None


def reason_texts(enrolment: Enrolment) -> dict[str, str]:
    """Return the ready reason of an enrolment in both languages, for notices; empty without one."""
    words = reason_words(enrolment)
    return words.both if words else both_texts("", "")


def reason_text(enrolment: Enrolment) -> str:
    """Return why staff or the portal decided so, for the reader; empty when nobody said."""
    words = reason_words(enrolment)
    return " ".join(part for part in (str(words or ""), enrolment.reason) if part)
