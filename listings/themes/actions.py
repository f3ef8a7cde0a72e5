"""What themes make worth doing next, for the home page (UI-2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from listings.models import Product, Theme, ThemeMatch
from listings.themes.facts import paths_from, product_facts, theme_specs
from listings.themes.links import edit_url
from listings.themes.queries import own_categories_above, own_themes_unmatched, themes_day
from listings.themes.rules import Requirement, missing
from listings.themes.similar import nearest_products
from portal import platform_time
from portal.addresses import reverse
from portal.choices import Action
from portal.models import Member, Seller
from portal.next_actions import NextAction, register_next_actions
from portal.prepared_reads import prepared

LOOKED_AT = 3
"""Own-category themes without a match that are looked at: each costs a look at every product."""
ENDING_DAYS = 14
ENDING_SHOWN = 2


@register_next_actions
def themes_within_reach(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Change one thing on a product, or publish a new one, for the best themes without a match (LST-6).

    A constant number of queries.
    """
    if not member.can(Action.EDIT_PRODUCTS):
        return
    themes = own_themes_unmatched(seller, day, limit=LOOKED_AT)
    nearest = {one.theme.pk: one for one in nearest_products(themes, seller)}
    # Nothing fails: the product is counted within two days, there is nothing to do.
    waiting = {pk for pk, one in nearest.items() if one.failing == 0}
    close = {pk: one.product_pk for pk, one in nearest.items() if one.failing == 1}
    products = {product.pk: product for product in _products(seller.pk, set(close.values()))}
    lacks = _lacks(
        [(theme, products[close[theme.pk]]) for theme in themes if close.get(theme.pk) in products],
        paths_from(own_categories_above(seller)) if products else {},
        day,
    )
    for theme in themes:
        if theme.pk in waiting:
            continue
        if lacks.get(theme.pk):
            yield _change_one_thing(theme, products[close[theme.pk]], lacks[theme.pk][0])
        else:
            yield _publish(theme)


@prepared
def _products(seller_id: int, pks: Collection[int]) -> QuerySet[Product]:
    return Product.objects.filter(seller=seller_id, pk__in=pks)


def _lacks(
    pairs: Iterable[tuple[Theme, Product]], paths: Mapping[int, Sequence[str]], day: date
) -> dict[int, list[Requirement]]:
    """Return theme pk → what its product lacks; at most one query."""
    pairs = list(pairs)
    if not pairs:
        return {}
    specs = theme_specs([theme for theme, _product in pairs])
    return {
        theme.pk: missing(specs[theme.pk], product_facts(product, paths), day)
        for theme, product in pairs
    }


def _change_one_thing(theme: Theme, product: Product, need: Requirement) -> NextAction:
    texts = {"product": product.title, "theme": theme.title}
    return NextAction(
        title=_("“%(product)s” is one step from the theme “%(theme)s”") % texts,
        url=edit_url(theme, product),
        gain=f"{need.reason} · {_gain(theme)}",
        due=platform_time.end_of(theme.ends_on) if theme.ends_on else None,
        weight=65,
        icon="bullseye",
        button=_("Edit"),
    )


def _publish(theme: Theme) -> NextAction:
    return NextAction(
        title=_("Publish for the theme “%(theme)s”") % {"theme": theme.title},
        url=reverse("listings:theme", args=[theme.theme_id]),
        gain=_gain(theme),
        due=platform_time.end_of(theme.ends_on) if theme.ends_on else None,
        weight=45,
        icon="bullseye",
        button=_("See the theme"),
    )


def _gain(theme: Theme) -> str:
    if theme.traffic_gain is None or theme.traffic_gain <= 0:
        return _("Extra exposure for what matches")
    return _("%(gain)s %% traffic against the category") % {"gain": f"+{theme.traffic_gain:,}"}


@register_next_actions
def themes_ending(seller: Seller, member: Member, day: date) -> Iterator[NextAction]:
    """Say which themes with own matches end within two weeks (LST-8); one query and the day's."""
    matched = themes_day()
    if matched is None:
        return
    last = day + timedelta(days=ENDING_DAYS)
    for theme_id, title_en, title_zh, ends_on, number in _ending(seller.pk, matched, day, last):
        theme = Theme(title_en=title_en, title_zh=title_zh)
        loses = ngettext(
            "%(number)s product leaves the matched list and its exposure",
            "%(number)s products leave the matched list and its exposure",
            number,
        )
        query = urlencode({"theme": theme_id})
        yield NextAction(
            title=_("The theme “%(theme)s” ends") % {"theme": theme.title},
            url=f"{reverse('listings:matches')}?{query}",
            loses=loses % {"number": number},
            due=platform_time.end_of(ends_on),
            weight=50,
            icon="hourglass-bottom",
            button=_("See products"),
        )


@prepared
def _ending(seller_id: int, matched: date, day: date, last: date) -> QuerySet[ThemeMatch, Any]:
    """Return the themes with matches that end soon: id, titles, last day, number of matches."""
    matches = ThemeMatch.objects.filter(seller=seller_id).as_of(matched)
    return (
        matches.filter(theme__ends_on__gte=day, theme__ends_on__lte=last)
        .values_list("theme__theme_id", "theme__title_en", "theme__title_zh", "theme__ends_on")
        .annotate(number=Count("pk"))
        .order_by("theme__ends_on", "-number")[:ENDING_SHOWN]
    )
