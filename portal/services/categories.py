"""What staff decide about a category: whether products may be published in it (K-12)."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from portal.errors import InvalidInput, NotAllowed
from portal.models import Category, User
from portal.services import audit


def category_set_flags(
    *,
    actor: User,
    category: Category,
    prohibited: bool,
    restricted: bool,
    suspended_from: date | None,
    suspended_to: date | None,
) -> Category:
    """Set the flags of one category; the tree itself comes from upstream (K-12).

    Raises `InvalidInput` when the suspension ends before it starts or has no start.
    """
    if not actor.has_perm("portal.change_category"):
        raise NotAllowed(_("You may not change categories."))
    if suspended_to is not None and (suspended_from is None or suspended_to < suspended_from):
        raise InvalidInput([("suspended_to", _("The suspension must start before it ends."))])
    after = {
        "prohibited": prohibited,
        "restricted": restricted,
        "suspended_from": suspended_from,
        "suspended_to": suspended_to,
    }
    with transaction.atomic():
        current = Category.objects.select_for_update().get(pk=category.pk)
        before = {name: getattr(current, name) for name in after}
        if before != after:
            Category.objects.filter(pk=current.pk).update(**after)
            audit.record(
                action="category.flags", actor=actor, obj=current, before=before, after=after
            )
    current.refresh_from_db()
    return current
