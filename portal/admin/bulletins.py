"""Bulletins and the questions about them (K-17)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.admin.base import ServiceAdmin
from portal.admin_site import Queue, register_queue
from portal.audience import FIELDS, audience_errors, sellers_concerned
from portal.choices import SellerStatus
from portal.errors import Refusal
from portal.models import Bulletin, BulletinQuestion, Seller
from portal.services.bulletins import (
    FIXED_ONCE_PUBLISHED,
    bulletin_answer,
    bulletin_publish,
    bulletin_save,
)

CHANGE = "portal.change_bulletin"


class PublishedFilter(admin.EmptyFieldListFilter):
    """Drafts are those without an instant of publication."""


@admin.register(Bulletin)
class BulletinAdmin(ServiceAdmin):
    """Written here, published after a look at whom it concerns."""

    list_display = ("title_en", "slug", "effective_on", "published_at", "questions_until")
    list_filter = (("published_at", PublishedFilter),)
    search_fields = ("title_en", "title_zh", "slug")
    prepopulated_fields = {"slug": ("title_en",)}
    autocomplete_fields = ("rulebook",)
    readonly_fields = ("published_at", "announced_at")
    change_form_template = "admin/portal/bulletin/change_form.html"
    own_pages = {"publish": "<int:pk>/publish/"}
    fields = (
        "title_en",
        "title_zh",
        "slug",
        "body_en",
        "body_zh",
        "audience",
        "actions",
        "effective_on",
        "questions_until",
        "rulebook",
        "published_at",
        "announced_at",
    )

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        """Only new bulletins get a slug from their title."""
        return {} if obj else self.prepopulated_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What stays once sellers have been told has no inputs that would be refused."""
        if obj is None or obj.published_at is None:
            return self.readonly_fields
        return (*FIXED_ONCE_PUBLISHED, *self.readonly_fields)

    def save_model(self, request: Any, obj: Bulletin, form: ModelForm, change: bool) -> None:
        """Save through the service."""
        # An emptied JSON field is no list; the service wants one.
        data = {
            name: value if value is not None or name not in ("audience", "actions") else []
            for name, value in form.cleaned_data.items()
        }
        fields = data if not change else {name: data[name] for name in form.changed_data}
        if fields:
            saved = bulletin_save(
                actor=request.user, fields=fields, bulletin=obj if change else None
            )
            self.adopt(obj, saved)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the way to publishing, and which fields an audience may name."""
        obj: Bulletin | None = kwargs.get("obj")
        context["may_publish"] = (
            obj is not None and obj.published_at is None and request.user.has_perm(CHANGE)
        )
        context["audience_fields"] = FIELDS.values()
        return super().render_change_form(request, context, *args, **kwargs)

    def publish_view(self, request: Any, pk: int) -> HttpResponse:
        """Show whom it concerns, then publish on a confirmed POST."""
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        bulletin = get_object_or_404(Bulletin, pk=pk)
        back = reverse("admin:portal_bulletin_change", args=[pk])
        if request.method == "POST":
            try:
                bulletin_publish(actor=request.user, bulletin=bulletin)
            except Refusal as refusal:
                messages.error(request, str(refusal))
            else:
                messages.success(request, _("Published; the members concerned are being told."))
            return HttpResponseRedirect(back)
        if bulletin.published_at is not None:
            messages.error(request, _("This bulletin is published already."))
            return HttpResponseRedirect(back)
        mistakes = audience_errors(bulletin.audience)
        trading = Seller.objects.exclude(status=SellerStatus.CLOSED)
        return self.page(
            request,
            "publish",
            _("Publish %(bulletin)s") % {"bulletin": bulletin},
            bulletin=bulletin,
            mistakes=mistakes,
            shops=0 if mistakes else len(sellers_concerned([bulletin.audience], trading)[0]),
            back=back,
        )


@admin.register(BulletinQuestion)
class BulletinQuestionAdmin(ServiceAdmin):
    """Questions of shops; the oldest unanswered one first."""

    list_display = ("text", "seller", "bulletin", "asked_at", "answered_at", "answered_by")
    list_filter = (("answered_at", admin.EmptyFieldListFilter), "bulletin")
    list_select_related = ("seller", "bulletin", "answered_by")
    search_fields = ("text", "answer", "=seller__member_id")
    shown = ("bulletin", "seller", "member", "text", "asked_at", "answered_at", "answered_by")
    readonly_fields = shown
    fields = (*shown, "answer")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Shops ask."""
        return False

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """What waits stands first in every database, the oldest first."""
        return [F("answered_at").asc(nulls_first=True), "asked_at", "pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulletinQuestion]:
        """Read the asker along."""
        return super().get_queryset(request).select_related("member__user")

    def save_model(
        self, request: Any, obj: BulletinQuestion, form: ModelForm, change: bool
    ) -> None:
        """Answer through the service."""
        bulletin_answer(actor=request.user, question=obj, answer=form.cleaned_data["answer"])


register_queue(
    Queue(
        label=gettext_lazy("Unanswered questions on bulletins"),
        rows=lambda: BulletinQuestion.objects.filter(answered_at__isnull=True),
        since="asked_at",
        url_name="admin:portal_bulletinquestion_changelist",
        query="?answered_at__isempty=1",
        permission="portal.change_bulletinquestion",
    )
)
register_queue(
    Queue(
        label=gettext_lazy("Bulletins not yet published"),
        rows=lambda: Bulletin.objects.filter(published_at__isnull=True),
        url_name="admin:portal_bulletin_changelist",
        query="?published_at__isempty=1",
        permission=CHANGE,
    )
)
