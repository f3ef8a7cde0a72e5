"""Programmes as staff write them; applications, memberships and renewals as they decide them (GRO-17, GRO-18)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

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
from portal.admin_site import Queue, register_queue
from portal.audience import audience_readings
from portal.services.files import file_url
from portal.templatetags.portal_ui import EMPTY

WAITING = (EnrolmentState.APPLIED, EnrolmentState.IN_REVIEW)
TAKE, APPROVE, REFUSE, REMOVE, STEP, BACK = "take", "approve", "refuse", "remove", "step", "back"


# --- Programmes ---------------------------------------------------------------------------------


@admin.register(Programme)
class ProgrammeAdmin(ServiceAdmin):
    """Programmes as data; what is wrong with a content is said line by line."""

    list_display = ("code", "title_en", "kind", "published", "waiting", "inside", "position")
    list_filter = ("kind", "published")
    search_fields = ("=code", "title_en", "title_zh")
    fields = ("code", "kind", "title_en", "title_zh", "position", "published", "content")

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

    @admin.display(description=gettext_lazy("waiting"), ordering="waiting_number")
    def waiting(self, programme: Any) -> int:
        """How many applications wait."""
        return int(programme.waiting_number)

    @admin.display(description=gettext_lazy("enrolled"), ordering="inside_number")
    def inside(self, programme: Any) -> int:
        """How many shops are in."""
        return int(programme.inside_number)

    def save_model(self, request: Any, obj: Programme, form: forms.ModelForm, change: bool) -> None:
        """Save through the service."""
        programme_save(actor=request.user, programme=obj)


# --- Enrolments ---------------------------------------------------------------------------------


class EnrolmentForm(forms.ModelForm):
    """What staff do with an enrolment, and what the shop is told."""

    decision = forms.ChoiceField(label=gettext_lazy("What you do"), required=False)
    ground = forms.ChoiceField(
        label=gettext_lazy("Ground"), required=False, help_text=gettext_lazy("Of a removal.")
    )
    reason = forms.CharField(
        label=gettext_lazy("In words"),
        required=False,
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 80}),
        help_text=gettext_lazy("The shop reads it and gets a notice."),
    )

    class Meta:
        model = Enrolment
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        content = content_of(self.instance.programme)
        decision, ground = self.fields["decision"], self.fields["ground"]
        if isinstance(decision, forms.ChoiceField):
            decision.choices = [("", "–"), *_decisions(self.instance)]
        if isinstance(ground, forms.ChoiceField):
            ground.choices = [("", "–"), *((one.key, str(one.text)) for one in content.removal)]


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


class WaitingFilter(admin.SimpleListFilter):
    """Whether staff have something to do: decide, or do a step."""

    title = gettext_lazy("waits for us")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer both kinds of work."""
        return [
            ("decision", gettext_lazy("For a decision")),
            ("step", gettext_lazy("For a step of ours")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Keep one of them."""
        if self.value() == "decision":
            return queryset.filter(state__in=WAITING)
        return queryset.filter(steps_of_staff()) if self.value() == "step" else queryset


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
    fields = ("at", "state", "step", "actor", "reason")


@admin.register(Enrolment)
class EnrolmentAdmin(ServiceAdmin):
    """Applications, the longest waiting first, and memberships with their steps."""

    form = EnrolmentForm
    list_display = (
        "programme",
        "seller",
        "state",
        "route",
        "step",
        "applied_at",
        "since",
        "until",
        "decided_by",
    )
    list_filter = (WaitingFilter, "state", "programme")
    list_select_related = ("programme", "seller", "decided_by")
    search_fields = ("=seller__member_id", "seller__name_en", "=programme__code", "=voucher")
    date_hierarchy = "applied_at"
    ordering = ("applied_at", "pk")
    inlines = (EventInline,)
    _content = (
        "programme", "seller", "state", "route", "round", "automatic", "applied_at", "applied_by",
        "conditions", "documents", "answered", "agreement", "since", "until", "step", "step_at",
        "voucher", "decided_at", "decided_by", "why", "ended_at",
    )  # fmt: skip
    readonly_fields = _content
    fields = ("decision", "ground", "reason", *_content)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Enrolments come from shops and from the night."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who decide; what is over stays."""
        return (obj is None or obj.state in OPEN_ENROLMENTS) and request.user.has_perm(PERMISSION)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the decision out where there is none to take."""
        return self.fields if self.has_change_permission(request, obj) else self._content

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Head the page with the programme and the shop."""
        if (enrolment := kwargs.get("obj")) is not None:
            context["subtitle"] = f"{enrolment.programme.title} · {enrolment.seller}"
        return super().render_change_form(request, context, *args, **kwargs)

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

    def save_model(self, request: Any, obj: Enrolment, form: forms.ModelForm, change: bool) -> None:
        """Act through the services; without a decision nothing is saved."""
        decision, words = form.cleaned_data.get("decision", ""), form.cleaned_data.get("reason", "")
        chosen, _colon, step = decision.partition(":")
        if chosen == TAKE:
            enrolment_take(actor=request.user, enrolment=obj)
        elif chosen in (APPROVE, REFUSE):
            enrolment_decide(
                actor=request.user, enrolment=obj, approve=chosen == APPROVE, reason=words
            )
        elif chosen == REMOVE:
            ground = form.cleaned_data.get("ground", "")
            enrolment_remove(actor=request.user, enrolment=obj, ground=ground, reason=words)
        elif chosen == STEP:
            enrolment_step_finish(actor=request.user, enrolment=obj, step=step)
        elif chosen == BACK:
            enrolment_step_back(actor=request.user, enrolment=obj, reason=words)


# --- Renewals -----------------------------------------------------------------------------------


class RenewalForm(forms.ModelForm):
    """The answer to a renewal."""

    decision = forms.ChoiceField(
        label=gettext_lazy("What you do"),
        choices=[
            ("", "–"),
            (RenewalStatus.GRANTED.value, gettext_lazy("Grant it")),
            (RenewalStatus.REFUSED.value, gettext_lazy("Refuse, with a reason")),
        ],
        required=False,
    )
    reason = forms.CharField(
        label=gettext_lazy("In words"),
        required=False,
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 80}),
        help_text=gettext_lazy("The shop reads it and gets a notice."),
    )

    class Meta:
        model = EnrolmentRenewal
        fields: list[str] = []


@admin.register(EnrolmentRenewal)
class EnrolmentRenewalAdmin(ServiceAdmin):
    """Renewals asked for, the one due first on top."""

    form = RenewalForm
    list_display = ("programme", "seller", "status", "asked_at", "answer_due_at", "late", "until")
    list_filter = ("status", "enrolment__programme")
    list_select_related = ("enrolment__programme", "enrolment__seller")
    search_fields = ("=enrolment__seller__member_id", "=enrolment__programme__code")
    date_hierarchy = "asked_at"
    ordering = ("answer_due_at", "pk")
    _content = (
        "programme", "seller", "until", "status", "asked_at", "asked_by", "note", "answer_due_at",
        "answered_at", "answered_by", "answer",
    )  # fmt: skip
    readonly_fields = _content
    fields = ("decision", "reason", *_content)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Renewals are asked for by shops."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who decide; what is answered stays."""
        return (obj is None or obj.status == RenewalStatus.OPEN) and request.user.has_perm(
            PERMISSION
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the decision out where there is none to take."""
        return self.fields if self.has_change_permission(request, obj) else self._content

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

    @admin.display(description=gettext_lazy("late"), boolean=True)
    def late(self, renewal: EnrolmentRenewal) -> bool:
        """Tell whether the answer is overdue."""
        return renewal.status == RenewalStatus.OPEN and renewal.answer_due_at < platform_time.now()

    def save_model(
        self, request: Any, obj: EnrolmentRenewal, form: forms.ModelForm, change: bool
    ) -> None:
        """Answer through the service; without a decision nothing is saved."""
        decision = form.cleaned_data.get("decision", "")
        if decision:
            renewal_answer(
                actor=request.user,
                renewal=obj,
                grant=decision == RenewalStatus.GRANTED,
                answer=form.cleaned_data.get("reason", ""),
            )


register_queue(
    Queue(
        label=gettext_lazy("Applications for programmes"),
        count=lambda: Enrolment.objects.filter(state__in=WAITING).count(),
        url_name="admin:growth_enrolment_changelist",
        query="?waiting=decision",
        permission=PERMISSION,
    )
)
register_queue(
    Queue(
        label=gettext_lazy("Renewals of programmes to answer"),
        count=lambda: EnrolmentRenewal.objects.filter(status=RenewalStatus.OPEN).count(),
        url_name="admin:growth_enrolmentrenewal_changelist",
        query=f"?status__exact={RenewalStatus.OPEN.value}",
        permission=PERMISSION,
    )
)
