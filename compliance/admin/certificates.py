"""The queue of certificates: what is due first comes first (EPR-7, UI-7)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.admin.review_pages import ReviewPages
from compliance.certificates.numbers import normalised_number
from compliance.certificates.reading import certificate_countries
from compliance.choices import CertificateStatus, CertificateType
from compliance.models import Certificate
from compliance.models.certificates import WAITING
from compliance.review.figures import reviewer_figures
from compliance.review.reading import SURE
from compliance.services.reviews import MAX_BULK, PERMISSION, certificates_approve_many
from portal import platform_time
from portal.admin.base import ReadOnlyAdmin
from portal.admin_site import Queue, register_queue
from portal.country_names import country_name
from portal.templatetags.portal_ui import time_left

PERIODS = {"7": (7, False), "28": (28, True), "84": (84, True)}
"""What the figures can show: days, and whether a column is a week."""


class QueueFilter(admin.SimpleListFilter):
    """What waits, unless somebody searches or asks for a status: then everything."""

    title = gettext_lazy("queue")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer the parts of the queue."""
        return [
            ("waiting", gettext_lazy("Waiting")),
            ("mine", gettext_lazy("Claimed by me")),
            ("unclaimed", gettext_lazy("Unclaimed")),
            ("overdue", gettext_lazy("Overdue")),
            ("second", gettext_lazy("Waiting for a second reviewer")),
            ("all", gettext_lazy("Everything")),
        ]

    def choices(self, changelist: ChangeList) -> Any:
        """Leave out the choice of no choice: it is one of ours."""
        for value, title in self.lookup_choices:
            yield {
                "selected": self.shown(changelist.params) == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }

    def shown(self, params: Any) -> str:
        """Return which part is shown."""
        return self.value() or ("all" if {"q", "status__exact"} & set(params) else "waiting")

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Keep a part of the queue."""
        part = self.shown(request.GET)
        if part == "all":
            return queryset
        conditions = {
            "mine": Q(claimed_by=request.user),
            "unclaimed": Q(status=CertificateStatus.SUBMITTED),
            "overdue": Q(due_at__lte=platform_time.now()),
            "second": Q(status=CertificateStatus.SUBMITTED, first_approved_by__isnull=False),
        }
        return queryset.filter(conditions.get(part, Q()), status__in=WAITING)


class CountryFilter(admin.SimpleListFilter):
    """The countries that certificates are for; most types are for none."""

    title = gettext_lazy("country")
    parameter_name = "country"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer those of any certificate, by name."""
        return certificate_countries()

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Keep one country's."""
        return queryset.filter(country=self.value()) if self.value() else queryset


class RegisterFilter(admin.SimpleListFilter):
    """What a register says of the number."""

    title = gettext_lazy("register")
    parameter_name = "register"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Offer what a look-up can have found."""
        return [
            ("alike", gettext_lazy("Found, the holder agrees")),
            ("differs", gettext_lazy("Found, another holder")),
            ("ended", gettext_lazy("Found, registration ended")),
            ("none", gettext_lazy("Not found")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Keep what was found so."""
        ended = Q(register_match__ended_on__lte=platform_time.today())
        found = Q(register_match__isnull=False)
        conditions = {
            "alike": found & Q(register_match__similarity__gte=SURE) & ~ended,
            "differs": found & Q(register_match__similarity__lt=SURE) & ~ended,
            "ended": ended,
            "none": ~found & Q(type=CertificateType.EPR),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


@admin.register(Certificate)
class CertificateAdmin(ReviewPages, ReadOnlyAdmin):
    """Certificates in the order of their due times; a row opens the page on which it is decided."""

    list_display = (
        "certificate", "shop", "company_name", "due", "waiting", "state", "register_says",
    )  # fmt: skip
    list_display_links = ("certificate",)
    list_filter = (
        QueueFilter,
        "type",
        CountryFilter,
        "category",
        RegisterFilter,
        "status",
    )
    list_select_related = ("seller", "claimed_by", "first_approved_by", "register_match")
    search_fields = ("company_name", "entity_name", "=seller__member_id", "=number")
    search_help_text = gettext_lazy("Number, company or member id")
    change_list_template = "admin/compliance/certificate/change_list.html"
    actions = ("approve_selected",)
    own_pages = {"bulk": "bulk/", "figures": "figures/", **ReviewPages.own_pages}

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """What is due first, first; drafts, which are due never, last."""
        return [F("due_at").asc(nulls_last=True), "pk"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Find a number however it is typed."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        number = normalised_number(search_term)
        if number:
            found = found | queryset.filter(number=number)
        return found, duplicates

    def has_review_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person decides about certificates."""
        return request.user.has_perm(PERMISSION)

    # --- Columns --------------------------------------------------------------------------------

    @admin.display(description=gettext_lazy("certificate"), ordering="number")
    def certificate(self, certificate: Certificate) -> SafeString:
        """Show the number with what it is below it."""
        kind = str(certificate.get_type_display())
        if certificate.country:
            kind = f"{country_name(certificate.country)} · {certificate.get_category_display()}"
        return format_html('{}<br><span class="quiet">{}</span>', certificate.number_typed, kind)

    @admin.display(description=gettext_lazy("shop"), ordering="seller__member_id")
    def shop(self, certificate: Certificate) -> str:
        """Show the member id."""
        return certificate.seller.member_id

    @admin.display(description=gettext_lazy("due"), ordering=F("due_at").asc(nulls_last=True))
    def due(self, certificate: Certificate) -> SafeString | str:
        """Say how long a decision may take, or how late it is."""
        if certificate.status not in WAITING or certificate.due_at is None:
            return "–"
        left = (certificate.due_at - platform_time.now()).total_seconds()
        if left > 0:
            return _("%(time)s left") % {"time": time_left(left)}
        late = _("overdue by %(time)s") % {"time": time_left(-left)}
        return format_html('<strong class="review-late">{}</strong>', late)

    @admin.display(description=gettext_lazy("waiting for"), ordering="submitted_at")
    def waiting(self, certificate: Certificate) -> str:
        """Say how long the seller has been waiting."""
        if certificate.status not in WAITING or certificate.submitted_at is None:
            return "–"
        return time_left((platform_time.now() - certificate.submitted_at).total_seconds())

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, certificate: Certificate) -> SafeString | str:
        """Show the status, as of now, and who is at it."""
        status = certificate.shown_status(platform_time.now()).label
        if certificate.claimed_by is not None:
            return format_html(
                '{}<br><span class="quiet">{}</span>', status, certificate.claimed_by
            )
        if certificate.status == CertificateStatus.SUBMITTED and certificate.first_approved_by:
            first = _("first approval: %(reviewer)s") % {"reviewer": certificate.first_approved_by}
            return format_html('{}<br><span class="quiet">{}</span>', status, first)
        return str(status)

    @admin.display(description=gettext_lazy("register"), ordering="register_match__similarity")
    def register_says(self, certificate: Certificate) -> SafeString | str:
        """Show what a register says of the number."""
        match = getattr(certificate, "register_match", None)
        if match is None:
            return "–"
        if match.ended_on is not None and match.ended_on <= platform_time.today():
            return format_html('<strong class="review-late">{}</strong>', _("ended"))
        return format_html("{}<br>{} %", match.holder[:40], match.similarity)

    # --- Many at once ---------------------------------------------------------------------------

    @admin.action(description=gettext_lazy("Approve…"), permissions=["review"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """List what would be approved, with what there is to say about it, and ask."""
        picked = list(
            queryset.filter(status__in=WAITING)
            .select_related("seller", "claimed_by", "register_match")
            .order_by("due_at", "pk")[: MAX_BULK + 1]
        )
        if not picked:
            messages.warning(request, _("Nothing of what you chose waits for a decision."))
            return None
        if len(picked) > MAX_BULK:
            text = _("At most %(most)d certificates can be approved at once.")
            messages.error(request, text % {"most": MAX_BULK})
            return None
        number = len(picked)
        title = ngettext(
            "Approve %(number)d certificate?", "Approve %(number)d certificates?", number
        )
        rows = [(one, self.register_says(one), self.due(one)) for one in picked]
        return self.page(
            request, "bulk", title % {"number": number}, rows=rows, user_pk=request.user.pk
        )

    def bulk_view(self, request: Any) -> HttpResponse:
        """Approve what the confirmed page listed, each by the digest it had then."""
        if not self.has_review_permission(request):
            raise PermissionDenied
        picks = {}
        for pick in request.POST.getlist("pick")[: MAX_BULK + 1]:
            pk, _colon, digest = pick.partition(":")
            if pk.isdecimal() and len(pk) < 19:
                picks[int(pk)] = digest
        if request.method != "POST" or not picks:
            return HttpResponseRedirect(self.queue())
        result = certificates_approve_many(actor=request.user, picks=picks)
        if count := len(result.approved):
            text = ngettext("%(n)d certificate approved.", "%(n)d certificates approved.", count)
            messages.success(request, text % {"n": count})
        if count := len(result.first):
            text = ngettext(
                "%(n)d certificate waits for its second approval.",
                "%(n)d certificates wait for their second approval.",
                count,
            )
            messages.info(request, text % {"n": count})
        named = Certificate.objects.in_bulk(list(result.refused))
        for pk, refusal in result.refused.items():
            number = named[pk].number_typed if pk in named else pk
            messages.error(request, f"{number}: {refusal}")
        return HttpResponseRedirect(self.queue())

    # --- Figures --------------------------------------------------------------------------------

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        """Show what each reviewer decided, and how long sellers waited."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        chosen = request.GET.get("days", "")
        chosen = chosen if chosen in PERIODS else "28"
        days, weekly = PERIODS[chosen]
        figures = reviewer_figures(days=days, weekly=weekly)
        rows = [
            (row, "–" if row.median_seconds is None else time_left(row.median_seconds))
            for row in figures.rows
        ]
        periods = [
            (
                key,
                ngettext("%(n)d day", "%(n)d days", number) % {"n": number}
                if not by_week
                else ngettext("%(n)d week", "%(n)d weeks", number // 7) % {"n": number // 7},
            )
            for key, (number, by_week) in PERIODS.items()
        ]
        return self.page(
            request,
            "figures",
            _("Reviewers' figures"),
            figures=figures,
            rows=rows,
            table=[(row, figures.cells(row)) for row in figures.rows],
            periods=periods,
            chosen=chosen,
            weekly=weekly,
        )

    # --- Shared ---------------------------------------------------------------------------------

    def queue(self) -> str:
        """Return the address of what waits."""
        return reverse("admin:compliance_certificate_changelist")


def _waiting() -> QuerySet[Certificate]:
    return Certificate.objects.filter(status__in=WAITING)


register_queue(
    Queue(
        label=gettext_lazy("Certificates to review"),
        rows=_waiting,
        since="submitted_at",
        url_name="admin:compliance_certificate_changelist",
        query="",
        permission=PERMISSION,
    )
)
register_queue(
    Queue(
        label=gettext_lazy("Certificates overdue"),
        rows=lambda: _waiting().filter(due_at__lte=platform_time.now()),
        since="due_at",
        late=True,
        url_name="admin:compliance_certificate_changelist",
        query="?queue=overdue",
        permission=PERMISSION,
    )
)
