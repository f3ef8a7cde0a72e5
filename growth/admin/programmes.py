"""Programmes as staff write them; applications, memberships and renewals as they decide them (GRO-17, GRO-18)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from growth.choices import OPEN_ENROLMENTS, EnrolmentState, RenewalStatus
from growth.models import Enrolment, EnrolmentEvent, EnrolmentRenewal, Programme
from growth.programmes.reading import content_of, criterion_reading, reason_text
from growth.programmes.rules import next_step
from growth.services.enrolment_review import (
    MAX_REASON,
    PERMISSION,
    enrolment_decide,
    enrolment_remove,
    enrolment_take,
)
from growth.services.enrolment_steps import enrolment_step_back, enrolment_step_finish
from growth.services.programmes import programme_save
from growth.services.renewals import renewal_answer
from portal import platform_time
from portal.admin.base import ReadOnlyInline, ServiceAdmin
from portal.admin.content import ContentField
from portal.admin.decisions import (
    DecisionAdmin,
    DecisionForm,
    StateFilter,
    due_text,
    words_field,
)
from portal.admin_site import Queue, register_queue
from portal.audience import audience_readings
from portal.models import User
from portal.services.files import file_url
from portal.templatetags.portal_ui import EMPTY

WAITING = (EnrolmentState.APPLIED, EnrolmentState.IN_REVIEW)
TAKE, APPROVE, REFUSE, REMOVE, STEP, BACK = "take", "approve", "refuse", "remove", "step", "back"


# --- Programmes ---------------------------------------------------------------------------------


class ProgrammeForm(forms.ModelForm):
    """A programme; its content is typed by lines."""

    content = ContentField(
        label=gettext_lazy("Content"),
        required=False,
        help_text=gettext_lazy("TOML, or JSON when it starts with a brace."),
    )

    class Meta:
        model = Programme
        fields = ("code", "kind", "title_en", "title_zh", "position", "published", "content")


@admin.register(Programme)
class ProgrammeAdmin(ServiceAdmin):
    """Programmes as data; what is wrong with a content is said line by line."""

    form = ProgrammeForm
    list_display = ("code", "name", "kind", "shown", "waiting", "inside", "position")
    list_filter = ("kind", "published")
    search_fields = ("=code", "title_en", "title_zh")
    fields = ProgrammeForm.Meta.fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Programme]:
        """Count along how many wait and how many are in."""
        return (
            super()
            .get_queryset(request)
            .annotate(
                waiting_number=Count("enrolments", filter=Q(enrolments__state__in=WAITING)),
                inside_number=Count(
                    "enrolments", filter=Q(enrolments__state=EnrolmentState.ACTIVE)
                ),
            )
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A code that metrics and conditions name stays."""
        return () if obj is None else ("code",)

    @admin.display(description=gettext_lazy("title"), ordering="title_en")
    def name(self, programme: Programme) -> str:
        """The title in the reader's language."""
        return programme.title

    # Translators: sellers see it, as against not yet (是否发布)
    @admin.display(
        description=pgettext_lazy("to sellers", "published"), boolean=True, ordering="published"
    )
    def shown(self, programme: Programme) -> bool:
        """Whether shops see it."""
        return programme.published

    # Translators: 待处理的申请
    @admin.display(description=gettext_lazy("applications waiting"), ordering="waiting_number")
    def waiting(self, programme: Any) -> int:
        """How many applications wait."""
        return int(programme.waiting_number)

    # Translators: 已报名的店铺
    @admin.display(description=gettext_lazy("shops enrolled"), ordering="inside_number")
    def inside(self, programme: Any) -> int:
        """How many shops are in."""
        return int(programme.inside_number)

    def save_model(self, request: Any, obj: Programme, form: forms.ModelForm, change: bool) -> None:
        """Save through the service."""
        programme_save(actor=request.user, programme=obj)


# --- Enrolments ---------------------------------------------------------------------------------


class EnrolmentForm(DecisionForm):
    """What staff do with an enrolment, and what the shop is told."""

    ground = forms.ChoiceField(
        label=gettext_lazy("Ground"), required=False, help_text=gettext_lazy("Of a removal.")
    )
    reason = words_field(gettext_lazy("In words"), most=MAX_REASON, rows=4)

    class Meta:
        model = Enrolment
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "ground" in self.fields:
            grounds = content_of(self.instance.programme).removal
            self.fields["ground"].choices = [  # type: ignore[attr-defined]
                ("", "–"), *((one.key, str(one.text)) for one in grounds)
            ]  # fmt: skip

    def offered(self) -> Iterator[tuple[str, str]]:
        """Return what can be done with the enrolment as it stands."""
        return _decisions(self.instance)


def _decisions(enrolment: Enrolment) -> Iterator[tuple[str, str]]:
    """Yield what can be done with an enrolment as it stands; a step is named, so that a stale form fails."""
    if enrolment.state == EnrolmentState.APPLIED:
        yield TAKE, _("Take it on")
    if enrolment.state in WAITING:
        yield APPROVE, _("Enrol the shop")
        yield REFUSE, _("Refuse, with a reason")
    if enrolment.state == EnrolmentState.ACTIVE:
        due = next_step(content_of(enrolment.programme).steps, enrolment.step)
        if due is not None:
            yield f"{STEP}:{due.key}", _("Step done: %(step)s") % {"step": due.title}
            if due.sends_back:
                yield BACK, _("Send back to the shop, with a reason")
        yield REMOVE, _("Remove the shop")


class EnrolmentsWaiting(StateFilter):
    """Whether staff have something to do: decide, or do a step."""

    title = gettext_lazy("waits for us")
    parameter_name = "waiting"

    def kinds(self) -> dict[str, tuple[Any, Q]]:
        """Offer both kinds of work."""
        chosen = self.value() == "step"
        return {
            "decision": (gettext_lazy("For a decision"), Q(state__in=WAITING)),
            "step": (gettext_lazy("For a step of ours"), steps_of_staff() if chosen else Q()),
        }


def steps_of_staff() -> Q:
    """Return the condition for memberships whose next step is done by staff; one query."""
    found = Q(pk__in=[])
    for programme in Programme.objects.all():
        steps = content_of(programme).steps
        before = [step.key for step, due in pairwise(steps) if due.who == "staff"]
        if before:
            found |= Q(programme=programme, state=EnrolmentState.ACTIVE, step__in=before)
    return found


class EventInline(ReadOnlyInline):
    """What happened."""

    model = EnrolmentEvent
    fields = ("at", "state", "step_done", "actor", "reason")
    readonly_fields = ("step_done",)
    classes = ("unnamed-rows",)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Read the programme along, which names the steps."""
        return super().get_queryset(request).select_related("enrolment__programme", "actor")

    @admin.display(description=gettext_lazy("step"))
    def step_done(self, event: EnrolmentEvent) -> str:
        """Name the step."""
        return step_name(event.enrolment.programme, event.step)


@admin.register(Enrolment)
class EnrolmentAdmin(DecisionAdmin):
    """Applications, the longest waiting first, and memberships with their steps."""

    form = EnrolmentForm
    permission = PERMISSION
    state_field = "state"
    said = ("ground", "reason")
    content = (
        "programme", "seller", "state", "way_in", "round", "automatic", "applied_at", "applied_by",
        "conditions", "documents", "answered", "agreement", "since", "until", "step_done", "step_at",
        "voucher", "decided_at", "decided_by", "why", "ended_at",
    )  # fmt: skip
    list_display = (
        "shop", "programme_name", "state", "way_in", "step_done", "applied_at", "since", "until",
    )  # fmt: skip
    list_filter = (EnrolmentsWaiting, "state", "programme")
    list_select_related = ("programme", "seller")
    search_fields = (
        "=seller__member_id", "seller__name_en", "seller__name_zh", "=programme__code", "=voucher",
    )  # fmt: skip
    date_hierarchy = "applied_at"
    ordering = ("applied_at", "pk")
    inlines = (EventInline,)

    def is_open(self, obj: Enrolment) -> bool:
        """Tell whether the enrolment is under way."""
        return obj.state in OPEN_ENROLMENTS

    def title_of(self, obj: Enrolment) -> str:
        """Name the programme and the shop."""
        return f"{obj.programme.title} · {obj.seller}"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for a ground only where a shop can be removed."""
        fields = super().get_fields(request, obj)
        removable = obj is not None and obj.state == EnrolmentState.ACTIVE
        return fields if removable else [name for name in fields if name != "ground"]

    @admin.display(description=gettext_lazy("seller"), ordering="seller")
    def shop(self, enrolment: Enrolment) -> str:
        """Name the shop."""
        return str(enrolment.seller)

    @admin.display(description=gettext_lazy("programme"), ordering="programme__position")
    def programme_name(self, enrolment: Enrolment) -> str:
        """Name the programme."""
        return str(enrolment.programme)

    @admin.display(description=gettext_lazy("way in"), ordering="route")
    def way_in(self, enrolment: Enrolment) -> str:
        """Name the way in, where a programme has several."""
        route = content_of(enrolment.programme).route(enrolment.route)
        return str(route.title) if route is not None and route.title else EMPTY

    @admin.display(description=gettext_lazy("step"), ordering="step")
    def step_done(self, enrolment: Enrolment) -> str:
        """Name the last step that is done."""
        return step_name(enrolment.programme, enrolment.step)

    @admin.display(description=gettext_lazy("conditions now"))
    def conditions(self, enrolment: Enrolment) -> SafeString:
        """How the shop meets the conditions today; what is to be judged is marked."""
        content = content_of(enrolment.programme)
        route = content.route(enrolment.route) or content.routes[0]
        criteria = [*content.audience, *route.audience]
        said = audience_readings(
            enrolment.seller,
            [[one.as_audience() for one in each.conditions] for each in criteria],
        )
        marks = {True: "✓", False: "✗", None: "?"}
        rows = [criterion_reading(*pair) for pair in zip(criteria, said, strict=True)]
        return (
            format_html_join(
                "", "<div>{} {} ({})</div>", ((marks[one.met], one.text, one.value) for one in rows)
            )
            or EMPTY
        )

    @admin.display(description=gettext_lazy("documents"))
    def documents(self, enrolment: Enrolment) -> SafeString:
        """What was handed in: certificates with their validity, files to open."""
        now = platform_time.now()
        certificates = [
            (one.requirement, one.certificate, "✓" if one.certificate.counts_at(now) else "✗")
            for one in enrolment.documents.select_related("certificate")
        ]
        files = [
            (one.requirement, file_url(one.file), one.file.name)
            for one in enrolment.files.select_related("file")
        ]
        return (
            format_html_join("", "<div>{}: {} {}</div>", certificates)
            + format_html_join("", '<div>{}: <a href="{}" rel="noopener">{}</a></div>', files)
            or EMPTY
        )

    @admin.display(description=gettext_lazy("answers"))
    def answered(self, enrolment: Enrolment) -> SafeString:
        """What the shop answered."""
        rows = enrolment.answers.items()
        return format_html_join("", "<div>{}: {}</div>", rows) or EMPTY

    @admin.display(description=gettext_lazy("reason"))
    def why(self, enrolment: Enrolment) -> str:
        """Why it was refused or ended."""
        return reason_text(enrolment) or "–"

    def decide(self, actor: User, obj: Enrolment, given: Mapping[str, Any]) -> None:
        """Decide, remove, or take the next step."""
        chosen, _colon, step = given["decision"].partition(":")
        words = given.get("reason", "")
        if chosen == TAKE:
            enrolment_take(actor=actor, enrolment=obj)
        elif chosen in (APPROVE, REFUSE):
            enrolment_decide(actor=actor, enrolment=obj, approve=chosen == APPROVE, reason=words)
        elif chosen == REMOVE:
            enrolment_remove(
                actor=actor, enrolment=obj, ground=given.get("ground", ""), reason=words
            )
        elif chosen == STEP:
            enrolment_step_finish(actor=actor, enrolment=obj, step=step)
        elif chosen == BACK:
            enrolment_step_back(actor=actor, enrolment=obj, reason=words)


def step_name(programme: Programme, key: str) -> str:
    """Return what a step of a programme is called; a dash for none."""
    steps = content_of(programme).steps
    return next((str(step.title) for step in steps if step.key == key), key or EMPTY)


# --- Renewals -----------------------------------------------------------------------------------


class RenewalForm(DecisionForm):
    """The answer to a renewal."""

    choices = (
        (RenewalStatus.GRANTED.value, gettext_lazy("Grant it")),
        (RenewalStatus.REFUSED.value, gettext_lazy("Refuse, with a reason")),
    )
    reason = words_field(gettext_lazy("In words"), most=MAX_REASON, rows=4)

    class Meta:
        model = EnrolmentRenewal
        fields: list[str] = []


@admin.register(EnrolmentRenewal)
class EnrolmentRenewalAdmin(DecisionAdmin):
    """Renewals asked for, the one due first on top."""

    form = RenewalForm
    permission = PERMISSION
    said = ("reason",)
    content = (
        "programme", "seller", "until", "status", "asked_at", "asked_by", "note", "answer_due_at",
        "answered_at", "answered_by", "answer",
    )  # fmt: skip
    list_display = ("seller", "programme", "status", "asked_at", "due", "until")
    list_filter = ("status", "enrolment__programme")
    list_select_related = ("enrolment__programme", "enrolment__seller")
    search_fields = ("=enrolment__seller__member_id", "=enrolment__programme__code")
    date_hierarchy = "asked_at"
    ordering = ("answer_due_at", "pk")

    def is_open(self, obj: EnrolmentRenewal) -> bool:
        """Tell whether nobody has answered."""
        return obj.status == RenewalStatus.OPEN

    def title_of(self, obj: EnrolmentRenewal) -> str:
        """Name the programme and the shop."""
        return f"{obj.enrolment.programme.title} · {obj.enrolment.seller}"

    @admin.display(description=gettext_lazy("programme"))
    def programme(self, renewal: EnrolmentRenewal) -> str:
        """Name the programme."""
        return str(renewal.enrolment.programme)

    @admin.display(description=gettext_lazy("seller"))
    def seller(self, renewal: EnrolmentRenewal) -> str:
        """Name the shop."""
        return str(renewal.enrolment.seller)

    @admin.display(description=gettext_lazy("enrolled until"))
    def until(self, renewal: EnrolmentRenewal) -> Any:
        """Last day of the membership."""
        return renewal.enrolment.until

    @admin.display(description=gettext_lazy("answer by"), ordering="answer_due_at")
    def due(self, renewal: EnrolmentRenewal) -> Any:
        """Say by when it is answered, and how late it is."""
        return due_text(renewal.answer_due_at, waits=renewal.status == RenewalStatus.OPEN)

    def decide(self, actor: User, obj: EnrolmentRenewal, given: Mapping[str, Any]) -> None:
        """Grant or refuse."""
        renewal_answer(
            actor=actor,
            renewal=obj,
            grant=given["decision"] == RenewalStatus.GRANTED,
            answer=given["reason"],
        )


register_queue(
    Queue(
        label=gettext_lazy("Applications for programmes"),
        rows=lambda: Enrolment.objects.filter(state__in=WAITING),
        since="applied_at",
        url_name="admin:growth_enrolment_changelist",
        query="?waiting=decision",
        permission=PERMISSION,
    )
)
register_queue(
    Queue(
        label=gettext_lazy("Steps of programmes that are ours"),
        rows=lambda: Enrolment.objects.filter(steps_of_staff()),
        since="step_at",
        url_name="admin:growth_enrolment_changelist",
        query="?waiting=step",
        permission=PERMISSION,
    )
)
register_queue(
    Queue(
        label=gettext_lazy("Renewals of programmes to answer"),
        rows=lambda: EnrolmentRenewal.objects.filter(status=RenewalStatus.OPEN),
        since="asked_at",
        url_name="admin:growth_enrolmentrenewal_changelist",
        query=f"?status__exact={RenewalStatus.OPEN.value}",
        permission=PERMISSION,
    )
)
