"""Notices and their mails: what was told to whom, and what could not be sent (K-18)."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.admin.base import ReadOnlyAdmin
from portal.admin.confirm import asks_first
from portal.admin_site import Queue, register_queue
from portal.choices import MailState
from portal.models import Notice
from portal.services.notices import notice_mail_again


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """Read-only but for one action: send failed mails again."""

    list_display = (
        "created_at",
        "user",
        "seller",
        "kind",
        "shown_title",
        "mail_state",
        "mail_attempts",
    )
    list_filter = ("mail_state", "kind")
    list_select_related = ("user", "seller")
    search_fields = ("=user__username", "=seller__member_id", "=key")
    date_hierarchy = "created_at"
    actions = ("mail_again",)
    fields = readonly_fields = (
        "user",
        "seller",
        "kind",
        "key",
        "shown_title",
        "shown_body",
        "link",
        "created_at",
        "read_at",
        "mail_state",
        "mail_attempts",
        "mailed_at",
    )

    @admin.display(description=gettext_lazy("title"))
    def shown_title(self, notice: Notice) -> str:
        """The title in the language of the reader."""
        return notice.title

    @admin.display(description=gettext_lazy("text"))
    def shown_body(self, notice: Notice) -> str:
        """The text in the language of the reader."""
        return notice.body

    def has_mail_permission(self, request: HttpRequest) -> bool:
        """Sending again needs more than looking."""
        return request.user.has_perm("portal.change_notice")

    @admin.action(description=gettext_lazy("Send failed mails again"), permissions=["mail"])
    @asks_first
    def mail_again(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        """Queue the failed ones among the selected."""
        count = notice_mail_again(notice_ids=list(queryset.values_list("pk", flat=True)))
        messages.success(request, _("%(count)s mails wait to be sent.") % {"count": count})


register_queue(
    Queue(
        label=gettext_lazy("Mails that could not be sent"),
        rows=lambda: Notice.objects.filter(mail_state=MailState.FAILED),
        since="created_at",
        url_name="admin:portal_notice_changelist",
        query=f"?mail_state__exact={MailState.FAILED}",
        permission="portal.change_notice",
    )
)
