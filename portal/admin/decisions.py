"""Queues of what shops ask for: what waits is decided in a form, what is over is there to look at (UI-7).

@admin.register(UpgradeRequest)
class UpgradeRequestAdmin(DecisionAdmin):
form = UpgradeRequestForm            # a `DecisionForm`
permission = "growth.change_upgraderequest"
said = ("answer",)                   # what goes with a decision
content = ("seller", "status", …)    # what is only shown

def is_open(self, asked): …
def decide(self, actor, asked, given): …   # calls the service
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import platform_time
from portal.admin.base import ServiceAdmin
from portal.models import User
from portal.templatetags.portal_ui import instant_short, time_left

Choices = Iterable[tuple[str, Any]]
SHOP_READS = gettext_lazy("The shop reads it and gets a notice.")


class DecisionForm(forms.ModelForm):
    """What staff do; one thing must be chosen, so that no words are typed in vain."""

    decision = forms.ChoiceField(label=gettext_lazy("What you do"))
    choices: ClassVar[Sequence[tuple[str, Any]]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "decision" in self.fields:  # the sheet of what is over has no inputs
            offered = [("", "–"), *self.offered()]
            self.fields["decision"].choices = offered  # type: ignore[attr-defined]

    def offered(self) -> Choices:
        """Return what can be done with the object as it stands."""
        return self.choices


class StatusForm(forms.ModelForm):
    """What staff change of something that is not theirs: its status, with a reason."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Needed to change the status; kept in the history."),
    )

    def clean(self) -> dict[str, Any]:
        """A reason for nothing would be lost."""
        cleaned = super().clean() or {}
        if cleaned.get("reason") and "status" not in self.changed_data:
            self.add_error("status", _("Choose what to do."))
        return cleaned


def words_field(
    label: Any,
    *,
    most: int,
    rows: int = 5,
    help_text: Any = SHOP_READS,
) -> forms.CharField:
    """Return the field of what the shop is told with a decision."""
    return forms.CharField(
        label=label,
        required=False,
        max_length=most,
        widget=forms.Textarea(attrs={"rows": rows, "cols": 80}),
        help_text=help_text,
    )


class DecisionAdmin(ServiceAdmin):
    """What shops ask for: nobody adds it here, it is decided once, and stays."""

    permission = ""
    said: Sequence[str] = ()
    stored: Sequence[str] = ()
    """Those of `said` that are shown again when it is over."""
    content: Sequence[str] = ()
    state_field = "status"

    def is_open(self, obj: Any) -> bool:
        """Tell whether something can still be decided about an object."""
        raise NotImplementedError

    def decide(self, actor: User, obj: Any, given: Mapping[str, Any]) -> None:
        """Take the decision of a valid form through its service; its refusals are shown in the form."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        """It comes from shops."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who decide; what is over stays."""
        return (obj is None or self.is_open(obj)) and request.user.has_perm(self.permission)

    def closed_to(self, request: HttpRequest, obj: Any) -> str:
        """What is over takes no second decision."""
        if self.is_open(obj) or not request.user.has_perm(self.permission):
            return ""
        return _("It has been decided meanwhile. What you sent changed nothing.")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What the shop said and what was done stay."""
        return self.content

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the decision out where there is none to take."""
        if self.has_change_permission(request, obj):
            return ("decision", *self.said, *self.content)
        return (*self.stored, *self.content)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """A decision is not edited further."""
        context["show_save_and_continue"] = False
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: Any, obj: Any, form: forms.ModelForm, change: bool) -> None:
        """Decide; the form itself saves nothing."""
        self.decide(request.user, obj, form.cleaned_data)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Say how it stands now, and return to the queue."""
        obj.refresh_from_db()
        state = getattr(obj, f"get_{self.state_field}_display")()
        messages.success(request, f"{self.title_of(obj)}: {state}")
        return self.response_post_save_change(request, obj)


class StateFilter(admin.SimpleListFilter):
    """A filter by conditions of our own: `kinds` has the label and the condition of each by its key."""

    def kinds(self) -> dict[str, tuple[Any, Q]]:
        """Return what can be chosen."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the kinds."""
        return [(key, label) for key, (label, _condition) in self.kinds().items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Keep one kind."""
        chosen = self.kinds().get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class WaitingFilter(StateFilter):
    """Whether staff still have something to do; `waits` says when."""

    title = gettext_lazy("waits for us")
    parameter_name = "waiting"
    waits: ClassVar[Q] = Q()

    def kinds(self) -> dict[str, tuple[Any, Q]]:
        """Offer what is open and what is over."""
        return {
            "yes": (gettext_lazy("Yes"), self.waits),
            "no": (gettext_lazy("No"), ~self.waits),
        }


def due_text(due: datetime, *, waits: bool) -> Any:
    """Return a due time for a list, with how late it is while it waits."""
    shown = instant_short(due)
    late = (platform_time.now() - due).total_seconds()
    if not waits or late <= 0:
        return shown
    text = _("overdue by %(time)s") % {"time": time_left(late)}
    return format_html('{}<br><strong class="late">{}</strong>', shown, text)
