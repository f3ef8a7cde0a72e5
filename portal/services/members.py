"""Members of a shop: invited, given roles and let go by an owner (K-7, K-9)."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.choices import Action, Role
from portal.errors import InvalidInput, NotAllowed, Refusal
from portal.models import Member, Notice, Seller, User
from portal.scoping import unscoped
from portal.services import audit
from portal.services.notices import mail_link, notice_send


def member_invite(*, actor: User, seller: Seller, email: str, username: str, role: str) -> Member:
    """Make an account for a person and let them choose a password by mail (K-7).

    A former member of this shop (same username and address) comes back with the role asked for.
    Raises `InvalidInput` naming `username`, `email` or `role`; refuses (`taken`) a username or
    address that somebody else uses, without telling which.
    """
    email, username = email.strip().lower(), username.strip()
    with unscoped(), transaction.atomic():
        _lock(seller)
        _require_owner(actor, seller)
        _require_role(role)
        former = Member.everywhere.filter(
            seller=seller, is_active=False, user__username=username, user__email__iexact=email
        ).first()
        if former is not None:
            return _return_former(actor=actor, member=former, role=role)
        user = _new_user(username=username, email=email)
        member = Member.everywhere.create(user=user, seller=seller, role=role)
        audit.record(
            action="member.invite",
            actor=actor,
            obj=member,
            after={"role": role, "username": username},
            seller=seller.member_id,
        )
        notice_send(
            kind="member_invited",
            key=f"member:{member.pk}:invited",
            members=[member],
            params={"shop": {"en": seller.name_en, "zh": seller.name_zh}, "username": username},
        )
        return member


def member_change_role(*, actor: User, member: Member, role: str) -> Member:
    """Give a member another role (K-7). Refuses (`last_owner`) to leave the shop without an owner."""
    with unscoped(), transaction.atomic():
        current = _locked(actor, member)
        _require_role(role)
        if current.role == role:
            return current
        if role != Role.OWNER:
            _keep_an_owner(current)
        return _update(actor=actor, member=current, action="member.role", role=role)


def member_deactivate(*, actor: User, member: Member) -> Member:
    """End a membership; what the person did stays (K-7).

    Refuses (`last_owner`) to leave the shop without an owner, (`not_active`) to do it twice.
    """
    with unscoped(), transaction.atomic():
        current = _locked(actor, member)
        if not current.is_active:
            raise Refusal("not_active", _("This membership has ended already."))
        _keep_an_owner(current)
        return _update(actor=actor, member=current, action="member.deactivate", is_active=False)


# --- Steps --------------------------------------------------------------------------------------


def _lock(seller: Seller) -> None:
    """Let one transaction at a time change who belongs to a shop: two owners cannot demote each other."""
    Seller.objects.select_for_update().get(pk=seller.pk)


def _locked(actor: User, member: Member) -> Member:
    """Return the member as it is under the shop's lock, once the actor may change it."""
    _lock(member.seller)
    _require_owner(actor, member.seller)
    return Member.everywhere.select_related("user", "seller").get(pk=member.pk)


def _require_owner(actor: User, seller: Seller) -> None:
    """Members need the ability in this very shop; staff need the admin's permission."""
    own = Member.everywhere.filter(user=actor, seller=seller, is_active=True).first()
    if own is not None and own.can(Action.MANAGE_MEMBERS):
        return
    if actor.is_staff and actor.has_perm("portal.change_member"):
        return
    raise NotAllowed(_("Only an owner manages the members of a shop."))


def _require_role(role: str) -> None:
    if role not in Role.values:
        raise InvalidInput([("role", _("There is no such role."))])


def _keep_an_owner(member: Member) -> None:
    if member.role != Role.OWNER or not member.is_active:
        return
    others = Member.everywhere.filter(
        seller=member.seller, role=Role.OWNER, is_active=True, user__is_active=True
    ).exclude(pk=member.pk)
    if not others.exists():
        raise Refusal("last_owner", _("A shop needs an owner: name another one first."))


def _update(*, actor: User, member: Member, action: str, **changes: Any) -> Member:
    before = {name: getattr(member, name) for name in changes}
    Member.everywhere.filter(pk=member.pk).update(**changes)
    for name, value in changes.items():
        setattr(member, name, value)
    audit.record(
        action=action,
        actor=actor,
        obj=member,
        before=before,
        after=changes,
        seller=member.seller.member_id,
    )
    return member


def _return_former(*, actor: User, member: Member, role: str) -> Member:
    return _update(actor=actor, member=member, action="member.return", role=role, is_active=True)


def _new_user(*, username: str, email: str) -> User:
    if User.objects.filter(Q(username__iexact=username) | Q(email__iexact=email)).exists():
        raise _taken()
    user = User(username=username, email=email)
    user.set_unusable_password()
    try:
        user.full_clean(validate_unique=False, validate_constraints=False)
        if not email:
            raise ValidationError({"email": [_("An address is needed.")]})
    except ValidationError as error:
        raise InvalidInput(
            [(name, text) for name, texts in error.message_dict.items() for text in texts]
        ) from error
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise _taken() from error
    return user


def _taken() -> Refusal:
    return Refusal("taken", _("This username or e-mail address cannot be used."))


@mail_link("password_link")
@mail_link("member_invited")
def _password_link(notice: Notice) -> str:
    """Return the path where an invited person sets a password; made anew for every mail sent."""
    token = default_token_generator.make_token(notice.user)
    return reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": user_pk_to_url_str(notice.user), "key": token},
    )
