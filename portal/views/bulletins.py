"""What the platform announces, and questions about it (K-17)."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from portal.bilingual import reads_chinese
from portal.choices import Role
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.models import Bulletin, BulletinQuestion
from portal.rule_changes import rule_change_for
from portal.services.bulletins import (
    QUESTION_LENGTH,
    bulletin_ask,
    bulletin_find,
    bulletin_mark_read,
    bulletins_for,
)
from portal.views.base import SellerPage
from portal.views.lists import page_of


class BulletinsPage(SellerPage):
    """The bulletins that concern the shop, unread first."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show one page of them."""
        found = bulletins_for(seller=request.seller, member=request.member)
        return render(request, "portal/bulletins.html", {"page_obj": page_of(request, found)})


class BulletinPage(SellerPage):
    """One bulletin: text, action items, the rules it brings, own questions."""

    def get(self, request: MemberRequest, slug: str) -> HttpResponse:
        """Show it; from then on it counts as read."""
        bulletin = self._find(request, slug)
        bulletin_mark_read(member=request.member, bulletin=bulletin)
        return self._show(request, bulletin)

    def post(self, request: MemberRequest, slug: str) -> HttpResponse:
        """Put a question."""
        bulletin = self._find(request, slug)
        text = request.POST.get("text", "")
        try:
            bulletin_ask(member=request.member, bulletin=bulletin, text=text)
        except Refusal as refusal:
            error = refusal.fields[0][1] if refusal.fields else str(refusal)
            return self._show(request, bulletin, text=text, error=error, status=refusal.http_status)
        messages.success(request, _("Your question was sent. The answer appears here."))
        return redirect(bulletin.get_absolute_url())

    def _find(self, request: MemberRequest, slug: str) -> Bulletin:
        try:
            return bulletin_find(seller=request.seller, member=request.member, slug=slug)
        except Bulletin.DoesNotExist as error:
            raise Http404 from error

    def _show(
        self,
        request: MemberRequest,
        bulletin: Bulletin,
        *,
        text: str = "",
        error: str = "",
        status: int = 200,
    ) -> HttpResponse:
        chinese = reads_chinese()
        actions = [
            {
                "url": item["url"],
                "text": (chinese and item.get("text_zh")) or item["text_en"],
            }
            for item in bulletin.actions
        ]
        return render(
            request,
            "portal/bulletin.html",
            {
                "bulletin": bulletin,
                "actions": actions,
                "change": rule_change_for(request.seller, bulletin.rulebook),
                "questions": BulletinQuestion.objects.filter(bulletin=bulletin),
                "may_ask": request.member.role != Role.VIEWER and bulletin.questions_open,
                "question_length": QUESTION_LENGTH,
                "text": text,
                "error": error,
            },
            status=status,
        )
