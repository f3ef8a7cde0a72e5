"""Rule classes in the hands of staff: terms, tests against live products, publishing, ending (CMP-1, UI-7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminDateWidget, AdminTextInputWidget
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.forms import ModelForm
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.goods.list_files import term_lines
from compliance.goods.term_lists import TermLine, pasted_lines
from compliance.matching.library import MARKS
from compliance.models import ProductHit, Rescreening, RuleClass, Term
from compliance.screening import ProductText, screen_texts
from compliance.services.live_test import MOST_PRODUCTS, MOST_TIME, live_test
from compliance.services.rule_classes import (
    ADD,
    PUBLISH,
    RuleClassFields,
    may_change,
    publishing_problems,
    rule_class_publish,
    rule_class_save,
    rule_class_withdraw,
    terms_import,
    terms_plan,
)
from portal import platform_time
from portal.admin.base import ReadOnlyAdmin, ServiceAdmin
from portal.errors import Refusal
from portal.exports import csv_response
from portal.filters import CALENDAR
from portal.models import Category

FOLDER = "admin/compliance/ruleclass"
TERMS_SHOWN = 200
LISTED = 100
"""Rows of each table of a report that are shown."""


class StateFilter(admin.SimpleListFilter):
    """Where a class stands today."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the states."""
        return [
            ("draft", gettext_lazy("Draft")),
            ("published", gettext_lazy("Published")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep one state."""
        if self.value() in ("draft", "published"):
            return queryset.filter(published_at__isnull=self.value() == "draft")
        return queryset


class RuleClassForm(forms.ModelForm):
    """What a class says besides its terms."""

    class Meta:
        model = RuleClass
        fields = [
            "code", "name_en", "name_zh", "effect", "starts_on", "ends_on", "source",
            "advice_en", "advice_zh", "categories",
        ]  # fmt: skip
        help_texts = {"categories": gettext_lazy("With all below them. None: everywhere.")}

    def fields_given(self) -> RuleClassFields:
        """Return what was typed, for the service."""
        given = dict(self.cleaned_data)
        return RuleClassFields(**{**given, "categories": list(given.get("categories") or [])})


class TermsForm(forms.Form):
    """A list of terms: pasted, from a file, or both."""

    mode = forms.ChoiceField(
        label=gettext_lazy("What to do with the list"),
        choices=[
            ("add", gettext_lazy("Add its terms")),
            ("remove", gettext_lazy("Remove its terms")),
            ("replace", gettext_lazy("Put it in place of all terms")),
        ],
    )
    text = forms.CharField(
        label=capfirst(gettext_lazy("terms")),
        required=False,
        strip=False,
        max_length=2_000_000,
        widget=forms.Textarea(attrs={"rows": 14, "cols": 80}),
        help_text=gettext_lazy("One a line. “! toy gun” is an exception; lines with # are notes."),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a file"),
        required=False,
        help_text=gettext_lazy("CSV or XLSX with a column “term”, and “exception” with yes or no."),
    )

    def lines(self) -> list[TermLine]:
        """Return the lines; those of a file come after the pasted ones."""
        lines = pasted_lines(self.cleaned_data["text"])
        upload = self.cleaned_data.get("file")
        if upload:
            last = lines[-1].row if lines else 0
            lines += [TermLine(last + one.row, one.text, one.excuse) for one in term_lines(upload)]
        return lines


def as_text(lines: Iterable[TermLine]) -> str:
    """Return lines as they are pasted."""
    return "\n".join(f"! {one.text}" if one.excuse else one.text for one in lines)


class PublishForm(forms.Form):
    """From when a class holds."""

    starts_on = forms.DateField(
        label=gettext_lazy("In force from"), widget=AdminDateWidget(), validators=CALENDAR
    )


class WithdrawForm(forms.Form):
    """When a class ends, and why."""

    last_day = forms.DateField(
        label=gettext_lazy("Last day (Pacific)"), widget=AdminDateWidget(), validators=CALENDAR
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


class PathChoiceField(forms.ModelChoiceField):
    """Categories by their whole path: leaves share names."""

    def label_from_instance(self, obj: Any) -> str:
        """Return the path in the active language."""
        return str(obj.path).replace(">>", " › ")


class ScreenForm(forms.Form):
    """A text to screen, as a product would say it."""

    title = forms.CharField(
        label=gettext_lazy("Title"),
        required=False,
        max_length=300,
        widget=AdminTextInputWidget(),
    )
    keywords = forms.CharField(
        label=gettext_lazy("Keywords"),
        required=False,
        max_length=4000,
        widget=AdminTextInputWidget(),
        help_text=gettext_lazy("Separated by |"),
    )
    attributes = forms.CharField(
        label=gettext_lazy("Attributes"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text=gettext_lazy("One a line: name: value"),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80}),
    )
    category = PathChoiceField(
        Category.objects.filter(is_leaf=True), label=gettext_lazy("Category"), required=False
    )
    day = forms.DateField(
        label=gettext_lazy("On the day"),
        required=False,
        widget=AdminDateWidget(),
        validators=CALENDAR,
        help_text=gettext_lazy("Empty: today (Pacific)."),
    )
    drafts = forms.ModelMultipleChoiceField(
        RuleClass.objects.filter(published_at__isnull=True),
        label=gettext_lazy("With these drafts"),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.fields["drafts"].queryset.exists():  # type: ignore[attr-defined]
            del self.fields["drafts"]

    def text(self) -> ProductText:
        """Return what was typed as a product's words."""
        given = self.cleaned_data
        pairs = (line.partition(":") for line in given["attributes"].splitlines() if line.strip())
        attributes: dict[str, list[str]] = {}
        for name, _colon, value in pairs:
            attributes.setdefault(name.strip(), []).append(value.strip())
        return ProductText(
            product_id="",
            category_id=given["category"].pk if given["category"] else 0,
            title=given["title"],
            keywords=[word.strip() for word in given["keywords"].split("|") if word.strip()],
            attributes=attributes,
            description=given["description"],
        )


@admin.register(RuleClass)
class RuleClassAdmin(ServiceAdmin):
    """Classes with their terms; every step that sellers feel shows first what it does."""

    form = RuleClassForm
    change_form_template = f"{FOLDER}/change_form.html"
    change_list_template = f"{FOLDER}/change_list.html"
    list_display = ("code", "name", "effect", "starts_on", "ends_on", "state", "term_count")
    list_filter = ("effect", StateFilter)
    search_fields = ("code", "name_en", "name_zh", "terms__text")
    autocomplete_fields = ("categories",)
    own_pages = {
        "screen": "screen/",
        **{
            name: f"<int:pk>/{name}/" for name in ("terms", "export", "test", "publish", "withdraw")
        },
    }

    def get_queryset(self, request: HttpRequest) -> Any:
        """Count the terms along."""
        return super().get_queryset(request).annotate(count=Count("terms"))

    @admin.display(description=gettext_lazy("terms"), ordering="count")
    def term_count(self, rule_class: Any) -> int:
        """How many terms and exceptions it has."""
        count: int = rule_class.count
        return count

    @admin.display(description=gettext_lazy("state"))
    def state(self, rule_class: RuleClass) -> str:
        """Say where it stands today."""
        if rule_class.published_at is None:
            return _("Draft")
        if rule_class.in_force(platform_time.today()):
            return _("In force")
        return _("Not yet") if rule_class.starts_on > platform_time.today() else _("Ended")

    def has_change_permission(self, request: Any, obj: RuleClass | None = None) -> bool:
        """A published class is changed by those who may publish."""
        if obj is None:
            return super().has_change_permission(request, obj)
        return may_change(actor=request.user, rule_class=obj)

    def save_model(self, request: Any, obj: RuleClass, form: ModelForm, change: bool) -> None:
        """Save through the service."""
        existing = RuleClass.objects.get(pk=obj.pk) if change else None
        saved = rule_class_save(
            actor=request.user,
            fields=form.fields_given(),  # type: ignore[attr-defined]
            rule_class=existing,
        )
        self.adopt(obj, saved)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has saved the categories."""

    def render_change_form(
        self, request: Any, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Offer what may be done with the class."""
        found: RuleClass | None = kwargs.get("obj")
        if found is not None:
            published = found.published_at is not None
            may_publish = request.user.has_perm(PUBLISH)
            terms = found.terms.order_by("excuse", "text")
            context |= {
                "may_change_terms": found.code != MARKS
                and may_change(actor=request.user, rule_class=found),
                "may_publish": may_publish and not published,
                "may_withdraw": may_publish and published,
                "term_total": terms.count(),
                "terms": terms[:TERMS_SHOWN],
            }
        return super().render_change_form(request, context, *args, **kwargs)

    # --- Pages ----------------------------------------------------------------------------------

    def _find(self, request: Any, pk: int, *, permission: str = "") -> RuleClass:
        found = RuleClass.objects.filter(pk=pk).first()
        if found is None:
            raise Http404
        allowed = (
            request.user.has_perm(permission) if permission else self.has_view_permission(request)
        )
        if not allowed:
            raise PermissionDenied
        return found

    def _address(self, rule_class: RuleClass) -> str:
        return reverse("admin:compliance_ruleclass_change", args=[rule_class.pk])

    def export_view(self, request: Any, pk: int) -> StreamingHttpResponse:
        """Send all terms as CSV, as the import reads them."""
        found = self._find(request, pk)
        terms = Term.objects.filter(rule_class=found).order_by("excuse", "text")
        rows = (
            (text, "yes" if excuse else "no")
            for text, excuse in terms.values_list("text", "excuse").iterator()
        )
        return csv_response(_with_head(rows), f"terms-{found.code}")

    def terms_view(self, request: Any, pk: int) -> HttpResponse:
        """Check a list, test its new terms against live products, then take it."""
        found = self._find(request, pk)
        if found.code == MARKS or not may_change(actor=request.user, rule_class=found):
            raise PermissionDenied
        form = TermsForm(request.POST or None, request.FILES or None)
        context: dict[str, Any] = {"rule_class": found, "form": form, "back": self._address(found)}
        if request.method == "POST" and form.is_valid():
            try:
                lines, mode = form.lines(), form.cleaned_data["mode"]
                if "save" in request.POST:
                    report = terms_import(
                        actor=request.user, rule_class=found, lines=lines, mode=mode
                    )
                    text = _("%(added)d added, %(changed)d changed, %(removed)d removed.")
                    counts = report.counts()
                    messages.success(request, text % counts)
                    return HttpResponseRedirect(self._address(found))
                report = terms_plan(rule_class=found, lines=lines, mode=mode)
                new = [one for one in (*report.added, *report.changed) if not one.excuse]
                excuses = [one for one in (*report.added, *report.changed) if one.excuse]
                context |= {
                    "report": report,
                    "listed": LISTED,
                    "test": live_test(rule_class=found, lines=[*new, *excuses]) if new else None,
                    **_limits(),
                }
                # What came from a file stays in the box, so that what is saved is what was checked.
                context["form"] = TermsForm(initial={"mode": mode, "text": as_text(lines)})
            except Refusal as refusal:
                for name, text in refusal.fields or [("", str(refusal))]:
                    form.add_error(name if name in form.fields else None, text)
        return self.page(request, "terms", _("Terms of %(name)s") % {"name": found}, **context)

    def test_view(self, request: Any, pk: int) -> HttpResponse:
        """Show what the class finds in live products; writes nothing."""
        found = self._find(request, pk)
        return self.page(
            request,
            "test",
            _("Test against live products: %(name)s") % {"name": found},
            rule_class=found,
            test=live_test(rule_class=found),
            back=self._address(found),
            **_limits(),
        )

    def publish_view(self, request: Any, pk: int) -> HttpResponse:
        """Show what publishing does to live products, then take it on a confirmed POST."""
        found = self._find(request, pk, permission=PUBLISH)
        form = PublishForm(
            request.POST or None,
            initial={"starts_on": max(found.starts_on, platform_time.today()).isoformat()},
        )
        if request.method == "POST" and form.is_valid():
            try:
                rule_class_publish(actor=request.user, rule_class=found, **form.cleaned_data)
            except Refusal as refusal:
                form.add_error(None, [text for _f, text in refusal.fields] or [str(refusal)])
            else:
                messages.success(request, _("Published; live products are being screened."))
                return HttpResponseRedirect(self._address(found))
        problems = publishing_problems(found)
        return self.page(
            request,
            "publish",
            _("Publish %(name)s") % {"name": found},
            rule_class=found,
            form=form,
            problems=problems,
            test=None if problems or request.method == "POST" else live_test(rule_class=found),
            back=self._address(found),
            **_limits(),
        )

    def withdraw_view(self, request: Any, pk: int) -> HttpResponse:
        """End a published class after a day."""
        found = self._find(request, pk, permission=PUBLISH)
        initial = {"last_day": platform_time.today().isoformat()}
        form = WithdrawForm(request.POST or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            try:
                rule_class_withdraw(actor=request.user, rule_class=found, **form.cleaned_data)
            except Refusal as refusal:
                for name, text in refusal.fields or [("", str(refusal))]:
                    form.add_error(name if name in form.fields else None, text)
            else:
                messages.success(request, _("It ends with the day; its hits go then."))
                return HttpResponseRedirect(self._address(found))
        title = _("End %(name)s") % {"name": found}
        back = self._address(found)
        return self.page(request, "withdraw", title, rule_class=found, form=form, back=back)

    def screen_view(self, request: Any) -> HttpResponse:
        """Screen a text that somebody typed; keeps nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = ScreenForm(request.POST or None)
        hits = None
        if request.method == "POST" and form.is_valid():
            [hits] = screen_texts(
                [form.text()],
                day=form.cleaned_data["day"],
                extra_classes=form.cleaned_data.get("drafts", ()),
            )
        back = reverse("admin:compliance_ruleclass_changelist")
        return self.page(request, "screen", _("Screen this text"), form=form, hits=hits, back=back)

    def changelist_view(
        self, request: Any, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say how far running rounds of screening came."""
        rounds = Rescreening.objects.filter(finished_at__isnull=True)
        shown = {"rounds": rounds, "may_add": request.user.has_perm(ADD)}
        return super().changelist_view(request, {**shown, **(extra_context or {})})


def _with_head(rows: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    yield ("term", "exception")
    yield from rows


def _limits() -> dict[str, int]:
    return {"most_products": MOST_PRODUCTS, "most_seconds": int(MOST_TIME.total_seconds())}


@admin.register(ProductHit)
class ProductHitAdmin(ReadOnlyAdmin):
    """What screening found in live products."""

    list_display = ("term", "rule_class", "place", "product", "shop", "excerpt")
    list_filter = ("rule_class", "place")
    list_select_related = ("rule_class", "product__seller")
    search_fields = ("=term", "=product__product_id", "=product__seller__member_id")

    @admin.display(description=gettext_lazy("shop"))
    def shop(self, hit: ProductHit) -> str:
        """Whose product it is."""
        return str(hit.product.seller)


@admin.register(Rescreening)
class RescreeningAdmin(ReadOnlyAdmin):
    """Rounds through live products after terms changed."""

    list_display = ("key", "asked_at", "products", "hits", "finished_at")
