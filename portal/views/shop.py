"""The shop and its people (K-6, K-7)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.choices import Action, Role
from portal.errors import Refusal
from portal.http import MemberRequest
from portal.models import Member
from portal.services.members import member_change_role, member_deactivate, member_invite
from portal.views.base import SellerPage

ROLE_MEANING = {
    Role.OWNER: gettext_lazy("Everything, people and enrolments included"),
    Role.MANAGER: gettext_lazy("Products, quotes and everything there is to read"),
    Role.SALESPERSON: gettext_lazy("Products and quotes"),
    Role.VIEWER: gettext_lazy("Reads, changes nothing"),
}


class ShopPage(SellerPage):
    """What the platform knows about the shop."""

    def get(self, request: MemberRequest) -> HttpResponse:
        """Show it; upstream keeps it, so there is nothing to edit."""
        return render(request, "portal/shop.html")


class InviteForm(forms.Form):
    """Who is to join, and as what."""

    username = forms.CharField(label=gettext_lazy("Username"), max_length=150)
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        help_text=gettext_lazy("The link to choose a password goes there."),
    )
    role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=Role.choices, initial=Role.SALESPERSON
    )


class MembersPage(SellerPage):
    """People of the shop; owners invite, give roles and let go."""

    read_action = write_action = Action.MANAGE_MEMBERS

    def get(self, request: MemberRequest, form: InviteForm | None = None) -> HttpResponse:
        """Show the people, active ones first, and the invitation form."""
        members = Member.objects.select_related("user").order_by(
            "-is_active", "user__username", "pk"
        )
        return render(
            request,
            "portal/members.html",
            {
                "members": members,
                "form": form or InviteForm(),
                "roles": Role.choices,
                "meanings": [(Role(role).label, text) for role, text in ROLE_MEANING.items()],
            },
            status=400 if form else 200,
        )

    def post(self, request: MemberRequest) -> HttpResponse:
        """Invite somebody."""
        form = InviteForm(request.POST)
        if not form.is_valid():
            return self.get(request, form)
        try:
            member = member_invite(actor=request.user, seller=request.seller, **form.cleaned_data)
        except Refusal as refusal:
            _show_in_form(form, refusal)
            return self.get(request, form)
        messages.success(request, _("%(name)s was invited.") % {"name": member.user.get_username()})
        return redirect("portal:members")


def _show_in_form(form: forms.Form, refusal: Refusal) -> None:
    for name, text in refusal.fields or [("", str(refusal))]:
        form.add_error(name if name in form.fields else None, text)


class MemberChange(SellerPage):
    """What an owner does to one member; a stranger's member does not exist."""

    read_action = write_action = Action.MANAGE_MEMBERS

    def find(self, pk: int) -> Member:
        """Return a member of this shop or answer 404 (K-8)."""
        member = Member.objects.select_related("user", "seller").filter(pk=pk).first()
        if member is None:
            raise Http404
        return member

    def run(
        self, request: MemberRequest, text: str, service: Any, **arguments: Any
    ) -> HttpResponse:
        """Call a service and say what came of it."""
        try:
            member = service(actor=request.user, **arguments)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, text % {"name": member.user.get_username()})
        return redirect("portal:members")


class MemberRole(MemberChange):
    """Give a member another role."""

    http_method_names = ["post"]

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Change it."""
        member = self.find(pk)
        role = request.POST.get("role", "")
        text = _("The role of %(name)s was changed.")
        return self.run(request, text, member_change_role, member=member, role=role)


class MemberDeactivate(MemberChange):
    """Let a member go, after asking (UI-4)."""

    def get(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Ask."""
        member = self.find(pk)
        name = member.user.get_username()
        return render(
            request,
            "portal/confirm.html",
            {
                "heading": _("Remove %(name)s from the shop?") % {"name": name},
                "message": _("%(name)s can no longer sign in to this shop.") % {"name": name},
                "cost": _("What they did stays in the shop's history. You can invite them again."),
                "confirm_label": _("Remove"),
                "danger": True,
                "cancel_url": reverse("portal:members"),
                "parent_url": reverse("portal:members"),
                "parent_label": _("People"),
            },
        )

    def post(self, request: MemberRequest, pk: int) -> HttpResponse:
        """Do it."""
        text = _("%(name)s was removed from the shop.")
        return self.run(request, text, member_deactivate, member=self.find(pk))
