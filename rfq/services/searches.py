"""Saved searches of the market: personal, named, with alerts (RFQ-2)."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from portal import platform_time
from portal.errors import InvalidInput, Refusal
from portal.ingest.cells import CellError, safe_text
from portal.models import Member
from portal.prepared_reads import number_of, prepared
from portal.scoping import seller_scope
from rfq.market.params import MarketQuery
from rfq.models import SavedSearch

MAX_NAME = 80
MOST = 30
"""Searches a person may keep in a shop."""


def searches_of(member: Member) -> QuerySet[SavedSearch]:
    """Return a person's searches in the shop, by name."""
    with seller_scope(member.seller):
        return SavedSearch.objects.filter(user=member.user).order_by("name", "pk")


def searches_number(member: Member) -> int:
    """Return how many searches a person has saved in the shop."""
    with seller_scope(member.seller):
        [[number]] = _number(member.user_id)
    return int(number)


@prepared
def _number(user_id: int) -> QuerySet[SavedSearch, tuple[int]]:
    return number_of(SavedSearch.objects.filter(user=user_id))


def search_save(
    *, member: Member, name: str, query: MarketQuery, alert: bool = True
) -> SavedSearch:
    """Keep a search under a name of the person's own; alerts begin with what is posted from now on.

    Raises `InvalidInput` (`name`) and the refusals `name_taken` and `search_limit`.
    """
    name = _clean_name(name)
    with seller_scope(member.seller), transaction.atomic():
        if searches_of(member).count() >= MOST:
            raise Refusal(
                "search_limit", _("You keep %(most)d searches: delete one first.") % {"most": MOST}
            )
        search = SavedSearch(
            seller=member.seller,
            user=member.user,
            name=name,
            query=query.as_string(),
            alert=alert,
            seen_until=platform_time.now(),
        )
        _store(search)
    return search


def search_change(
    *, member: Member, search: SavedSearch, name: str | None = None, alert: bool | None = None
) -> SavedSearch:
    """Rename a search, or turn its alerts on or off; turned on, they begin now.

    Raises `InvalidInput` (`name`) and `name_taken`.
    """
    with seller_scope(member.seller), transaction.atomic():
        kept = searches_of(member).select_for_update().get(pk=search.pk)
        if name is not None:
            kept.name = _clean_name(name)
        if alert and not kept.alert:
            kept.seen_until = platform_time.now()
        if alert is not None:
            kept.alert = alert
        _store(kept)
    return kept


def search_delete(*, member: Member, search: SavedSearch) -> None:
    """Forget a search."""
    with seller_scope(member.seller):
        searches_of(member).filter(pk=search.pk).delete()


def _store(search: SavedSearch) -> None:
    try:
        with transaction.atomic():
            search.save()
    except IntegrityError:
        raise Refusal(
            "name_taken",
            _("You have a search of this name."),
            fields=[("name", _("You have a search of this name."))],
        ) from None


def _clean_name(name: str) -> str:
    try:
        cleaned = " ".join(safe_text(name, MAX_NAME).split())
    except CellError as error:
        raise InvalidInput([("name", str(error))]) from None
    if not cleaned:
        raise InvalidInput([("name", _("Give the search a name."))])
    return cleaned
