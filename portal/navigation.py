"""The left navigation: each app registers its section in its own `navigation.py` (UI-1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.choices import Action
from portal.models import Member


@dataclass(frozen=True)
class NavItem:
    """One page in the navigation.

    `also` names further views that belong to it; a name ending in `-` or `:` is a prefix.
    """

    label: str | Promise
    icon: str
    view: str
    also: tuple[str, ...] = ()
    action: Action = Action.READ

    def holds(self, view_name: str) -> bool:
        """Tell whether the page being shown belongs to this item."""
        return view_name == self.view or any(
            view_name.startswith(name) if name[-1] in "-:" else view_name == name
            for name in self.also
        )


@dataclass(frozen=True)
class NavSection:
    """A module's pages under its name; an empty name puts them at the top."""

    label: str | Promise
    items: tuple[NavItem, ...]
    position: int = 50


@dataclass(frozen=True, eq=False)
class NavLink:
    """An item as it is drawn."""

    label: str | Promise
    icon: str
    url: str
    active: bool


@dataclass(frozen=True, eq=False)
class NavGroup:
    """A section as it is drawn; the same group is the same object as long as it is kept."""

    label: str | Promise
    links: tuple[NavLink, ...]


_sections: list[NavSection] = []


def register_section(section: NavSection) -> None:
    """Add a module's section; called once, when the app's `navigation` module is imported."""
    _sections.append(section)
    _sections.sort(key=lambda known: known.position)
    for kept in (_actions, _active, _groups):
        kept.cache_clear()


def sections_for(member: Member | None, view_name: str) -> tuple[NavGroup, ...]:
    """Return the navigation of a member, with the current page marked; none without a shop.

    Kept per process under what the member may do, the marked items and where addresses begin; labels are
    lazy, and speak the language of whoever draws them.
    """
    if member is None:
        return ()
    may = frozenset(action for action in _actions() if member.can(action))
    urlconf = get_urlconf() or settings.ROOT_URLCONF
    return _groups(may, _active(view_name), get_script_prefix(), urlconf)


@cache
def _actions() -> frozenset[Action]:
    """Return the abilities that items ask for."""
    return frozenset(item.action for section in _sections for item in section.items)


@lru_cache(maxsize=1024)
def _active(view_name: str) -> frozenset[str]:
    """Return the views of the items that the page being shown belongs to."""
    items = (item for section in _sections for item in section.items)
    return frozenset(item.view for item in items if item.holds(view_name))


@lru_cache(maxsize=512)
def _groups(
    may: frozenset[Action], active: frozenset[str], prefix: str, urlconf: str
) -> tuple[NavGroup, ...]:
    groups = []
    for section in _sections:
        links = tuple(
            NavLink(item.label, item.icon, url, item.view in active)
            for item in section.items
            if item.action in may and (url := _address(item.view))
        )
        if links:
            groups.append(NavGroup(section.label, links))
    return tuple(groups)


def _address(view: str) -> str:
    """Return the address of a view, or nothing while its module is not installed."""
    return _address_below(view, get_script_prefix(), get_urlconf() or settings.ROOT_URLCONF)


@cache
def _address_below(view: str, prefix: str, urlconf: str) -> str:
    """Look an address up once per process: forty of them are a fifth of the frame around every page."""
    try:
        return reverse(view)
    except NoReverseMatch:
        return ""


register_section(NavSection("", (NavItem(_("Home"), "house", "portal:home"),), 0))
register_section(
    NavSection(
        _("Trade"),
        (
            NavItem(_("Inquiries"), "chat-left-text", "portal:inquiries"),
            NavItem(_("Orders"), "box-seam", "portal:orders"),
            NavItem(_("Your numbers"), "graph-up", "portal:metrics", ("portal:metric",)),
        ),
        60,
    )
)
register_section(
    NavSection(
        _("Platform"),
        (
            NavItem(_("Bulletins"), "megaphone", "portal:bulletins", ("portal:bulletin-",)),
            NavItem(_("Rules in force"), "journal-text", "portal:rulebooks", ("portal:rulebook",)),
        ),
        70,
    )
)
register_section(
    NavSection(
        _("Shop"),
        (
            NavItem(_("Shop profile"), "shop", "portal:shop"),
            NavItem(
                _("People"), "people", "portal:members", ("portal:member-",), Action.MANAGE_MEMBERS
            ),
            NavItem(
                # Translators: Webhook 推送
                _("Webhooks"),
                "broadcast",
                "portal:webhooks",
                ("portal:webhook", "portal:webhook-"),
                Action.MANAGE_WEBHOOKS,
            ),
        ),
        80,
    )
)
