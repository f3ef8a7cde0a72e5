"""The inbox and what reaches people by e-mail (K-18)."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.http import MemberRequest
from portal.models import Notice
from portal.notice_areas import by_area
from portal.services.notices import (
    notice_mark_read,
    notice_preferences,
    notice_preferences_save,
)
from portal.views.base import SellerPage
from portal.views.lists import page_of


class NoticesPage(SellerPage):
    """Messages to the person in this shop, newest first."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show the inbox; `?show=unread` leaves out what was read."""
        notices = Notice.objects.filter(user=request.user, seller=request.seller)
        unread = request.GET.get("show") == "unread"
        if unread:
            notices = notices.filter(read_at__isnull=True)
        return render(
            request,
            "portal/notices.html",
            {"page_obj": page_of(request, notices), "only_unread": unread},
        )

    def post(self, request: MemberRequest) -> HttpResponse:
        """Mark all as read."""
        count = notice_mark_read(user=request.user, seller=request.seller)
        messages.success(
            request,
            ngettext("%(n)s notice marked as read.", "%(n)s notices marked as read.", count)
            % {"n": count},
        )
        return redirect("portal:notices")


class NoticeOpen(SellerPage):
    """Follow a notice: it is read from then on."""

    http_method_names = ["post"]

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Mark as read and go where the notice points, or back to the inbox."""
        notice = Notice.objects.filter(user=request.user, pk=pk).first()
        if notice is None:
            raise Http404
        notice_mark_read(user=request.user, seller=request.seller, notice_ids=[notice.pk])
        if "stay" in request.POST or not url_has_allowed_host_and_scheme(notice.link, None):
            return redirect("portal:notices")
        return redirect(notice.link)


class NoticePreferencesPage(SellerPage):
    """Which kinds of notice come by e-mail too."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one switch per kind, area by area."""
        return render(
            request,
            "portal/notice_preferences.html",
            {"areas": by_area(notice_preferences(member=request.member))},
        )

    def post(self, request: MemberRequest) -> HttpResponse:
        """Store all switches; every role chooses for itself."""
        wanted = set(request.POST.getlist("email"))
        known = [kind.code for kind, _email in notice_preferences(member=request.member)]
        notice_preferences_save(
            member=request.member, email={code: code in wanted for code in known}
        )
        messages.success(request, _("Your notice settings are saved."))
        return redirect("portal:notice-preferences")
