"""Themes as operators write them: checked, previewed, duplicated, ended (LST-3, UI-7)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from listings.admin.theme_forms import ThemeForm
from listings.models import Theme, ThemeMatch
from listings.services.theme_checks import Catalogue, clean_theme
from listings.services.themes import theme_save, themes_write
from listings.themes.queries import themes_day
from listings.themes.similar import MatchPreview, match_preview
from portal import platform_time
from portal.admin.previews import PreviewedAdmin
from portal.models import Category

CHANGE = "listings.change_theme"
NOT_COPIED = {"theme_id", "starts_on", "ends_on", "traffic_gain", "conversion_gain", "trade_gain"}
STATES = {
    "in_force": gettext_lazy("In force"),
    "upcoming": gettext_lazy("Starts later"),
    "ended": gettext_lazy("Ended"),
}


class StateFilter(admin.SimpleListFilter):
    """Where today lies against the window."""

    title = gettext_lazy("state today")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the three states."""
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Theme]) -> QuerySet[Theme]:
        """Keep the themes in the state."""
        today = platform_time.today()
        conditions = {
            "in_force": Q(starts_on__lte=today) & (Q(ends_on__isnull=True) | Q(ends_on__gte=today)),
            "upcoming": Q(starts_on__gt=today),
            "ended": Q(ends_on__lt=today),
        }
        condition = conditions.get(self.value() or "")
        return queryset.filter(condition) if condition is not None else queryset


class IndustryFilter(admin.SimpleListFilter):
    """The top of the theme's category."""

    title = gettext_lazy("industry")
    parameter_name = "industry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer the industries."""
        industries = Category.objects.filter(parent__isnull=True)
        return [(industry.code, industry.name) for industry in industries]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Theme]) -> QuerySet[Theme]:
        """Keep the themes below the industry."""
        code = self.value()
        return queryset.filter(category__above__ancestor__code=code) if code else queryset


def _count_matches(field: str, day: date) -> Coalesce:
    """Return a count over each theme's matched list as of a day: distinct `field`s."""
    rows = (
        ThemeMatch.objects.as_of(day)
        .filter(theme=OuterRef("pk"))
        .order_by()
        .values("theme")
        .annotate(number=Count(field, distinct=True))
    )
    return Coalesce(Subquery(rows.values("number")), 0)


@admin.register(Theme)
class ThemeAdmin(PreviewedAdmin):
    """Saves through the theme service, which names the nearest known words."""

    form = ThemeForm
    change_form_template = "admin/listings/theme/change_form.html"
    list_display = (
        "theme_id", "title_en", "category", "state", "is_national", "kind", "starts_on", "ends_on",
        "matched_sellers", "matched_products",
    )  # fmt: skip
    list_filter = (StateFilter, "is_national", "kind", IndustryFilter)
    list_select_related = ("category",)
    search_fields = ("theme_id", "title_en", "title_zh", "category__code", "category__path_en")
    date_hierarchy = "starts_on"
    autocomplete_fields = ("category",)
    actions = ("end_today",)
    fieldsets = (
        (
            None,
            {"fields": ("theme_id", "title_en", "title_zh", "reason_en", "reason_zh", "picture")},
        ),
        (
            gettext_lazy("Requirements: all have to hold"),
            {
                "fields": (
                    "category",
                    "keywords",
                    "keyword_mode",
                    "kind",
                    "attributes",
                    "services",
                    ("price_min", "price_max"),
                    "countries",
                )
            },
        ),
        (gettext_lazy("Window (Pacific days)"), {"fields": (("starts_on", "ends_on"),)}),
        (
            gettext_lazy("Against the category, last 30 days (%)"),
            {"fields": (("traffic_gain", "conversion_gain", "trade_gain"),)},
        ),
    )

    # --- List -----------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Theme]:
        """Count shops and products in each matched list as of the newest published day."""
        day = themes_day()
        themes = super().get_queryset(request)
        if day is None:
            return themes
        return themes.annotate(
            sellers_matched=_count_matches("seller", day),
            products_matched=_count_matches("product", day),
        )

    @admin.display(description=gettext_lazy("state today"))
    def state(self, theme: Theme) -> Any:
        """Where today lies against the window."""
        return STATES[theme.state_on(platform_time.today())]

    @admin.display(description=gettext_lazy("shops matched"), ordering="sellers_matched")
    def matched_sellers(self, theme: Theme) -> int | None:
        """Shops with a product in the matched list; none before the first night."""
        return getattr(theme, "sellers_matched", None)

    @admin.display(description=gettext_lazy("products matched"), ordering="products_matched")
    def matched_products(self, theme: Theme) -> int | None:
        """Products in the matched list; none before the first night."""
        return getattr(theme, "products_matched", None)

    # --- Form -----------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Theme | None = None) -> list[str]:
        """The external id of an existing theme stays."""
        return ["theme_id"] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill a new form from the theme it duplicates."""
        source = request.GET.get("duplicate", "")
        theme = Theme.objects.filter(pk=source).first() if source.isdecimal() else None
        if theme is None:
            return super().get_changeform_initial_data(request)
        names = set(ThemeForm.Meta.fields) - NOT_COPIED
        return {name: getattr(theme, name) for name in names} | {"category": theme.category_id}

    def preview(self, request: HttpRequest, form: Any, obj: Theme | None) -> None:
        """Judge what was typed like saving does, and say how many live products would match now."""
        data = form.data_for_service()
        if obj is not None:
            data["theme_id"] = obj.theme_id
        clean, errors = clean_theme(data, Catalogue.of([data["category"]], data["attributes"]))
        for field, text in errors:
            form.add_error(field if field in form.fields else None, text)
        if not errors:
            messages.info(request, _preview_text(match_preview(Theme(**clean))))

    def save_model(self, request: Any, obj: Theme, form: Any, change: bool) -> None:
        """Save through the service."""
        saved = theme_save(
            actor=request.user, data=form.data_for_service(), theme=obj if change else None
        )
        self.adopt(obj, saved)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the way to duplicating."""
        obj: Theme | None = kwargs.get("obj")
        if obj is not None and request.user.has_perm("listings.add_theme"):
            context["duplicate_url"] = reverse("admin:listings_theme_add") + f"?duplicate={obj.pk}"
        return super().render_change_form(request, context, *args, **kwargs)

    # --- Ending ---------------------------------------------------------------------------------

    @admin.action(description=gettext_lazy("End the chosen themes today"), permissions=["change"])
    def end_today(self, request: Any, queryset: QuerySet[Theme]) -> HttpResponse | None:
        """Make today the last day, after a confirmation that names what leaves."""
        today = platform_time.today()
        running = queryset.filter(
            Q(ends_on__isnull=True) | Q(ends_on__gt=today), starts_on__lte=today
        )
        themes = list(running.select_related("category").order_by("theme_id"))
        if not themes:
            messages.warning(request, _("None of these themes is in force beyond today."))
            return None
        if request.POST.get("confirmed"):
            self._end(request, themes, today)
            return None
        return self.page(
            request,
            "end_confirm",
            _("End themes today"),
            themes=themes,
            left_out=queryset.count() - len(themes),
            today=today,
            products=sum(getattr(theme, "products_matched", 0) for theme in themes),
            checkbox_name=ACTION_CHECKBOX_NAME,
        )

    def _end(self, request: Any, themes: list[Theme], today: date) -> None:
        rows = [{"theme_id": theme.theme_id, "ends_on": today} for theme in themes]
        outcomes = themes_write(rows=rows, actor=request.user)
        ended = sum(outcome.state == "updated" for outcome in outcomes)
        text = ngettext("%(n)d theme ends today.", "%(n)d themes end today.", ended)
        messages.success(request, text % {"n": ended})
        for outcome in outcomes:
            for field, text in outcome.errors:
                messages.error(request, f"{outcome.theme_id}: {field}: {text}")


def _preview_text(preview: MatchPreview) -> SafeString:
    text = _(
        "Nothing is saved yet. Now %(met)s live products of %(sellers)s shops meet every requirement "
        "and %(near)s miss one, of %(all)s live products in the category."
    ) % {
        "met": f"{preview.matching:,}",
        "sellers": f"{preview.sellers:,}",
        "near": f"{preview.missing_one:,}",
        "all": f"{preview.live:,}",
    }
    return format_html("{}", text)
