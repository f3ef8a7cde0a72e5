"""Every page, wide and on a phone, in both languages: no violation, no complaint, no sideways scrolling."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.browser.conftest import PHONE, WIDE
from tests.listings.theme_world import product_feed, theme_make

NOT_A_PAGE = {"healthz", "metrics", "schema", "export", "template", "jsi18n", "statement.csv"}


def page_addresses() -> list[str]:
    """Addresses without a parameter that a signed-in member may open."""
    found: list[str] = []

    def walk(resolver: URLResolver, prefix: str) -> None:
        for pattern in resolver.url_patterns:
            path = prefix + str(pattern.pattern).strip("^$")
            if isinstance(pattern, URLResolver):
                if not path.startswith(("admin/", "accounts/", "api/", "i18n/")):
                    walk(pattern, path)
            elif isinstance(pattern, URLPattern) and "<" not in path and readable(pattern):
                found.append("/" + path)

    walk(get_resolver(), "")
    return sorted({path for path in found if path.strip("/").split("/")[-1] not in NOT_A_PAGE})


def readable(pattern: URLPattern) -> bool:
    view = getattr(pattern.callback, "view_class", None)
    return view is not None and hasattr(view, "get")


@pytest.fixture
def stock(shop, clock):
    """A product and a theme, so that lists are not empty."""
    theme_make("t1")
    return product_feed(shop, "p1")


def test_the_pages_are_found():
    addresses = page_addresses()
    named = ["portal:home", "listings:products", "listings:themes", "listings:matches"]
    assert {reverse(name) for name in named} <= set(addresses)
    assert len(addresses) > 12


@pytest.mark.rule("UI-1", "UI-5", "Q-5")
@pytest.mark.parametrize("look", [(WIDE, "zh-hans"), (PHONE, "en")], ids=["wide", "phone"])
@pytest.mark.parametrize("path", page_addresses())
def test_a_page_is_sound(path, look, visitor, owner, stock):
    size, language = look
    owner.user.language = language
    owner.user.save()
    person = visitor(owner.user, size=size, language=language)
    if path in ("/no-shop/", "/demo/clock/"):
        response = person.page.goto(person.base + path)
        assert response.status in (200, 403, 404)
        return
    person.visit(path)


@pytest.mark.rule("UI-5")
@pytest.mark.parametrize("size", [WIDE, PHONE])
@pytest.mark.parametrize(
    ("name", "key"), [("listings:product-detail", "p1"), ("listings:theme", "t1")]
)
def test_a_page_about_one_thing_is_sound(name, key, size, visitor, owner, stock):
    visitor(owner.user, size=size).visit(reverse(name, args=[key]))


@pytest.mark.rule("UI-4", "K-8")
def test_what_does_not_exist_has_a_page_of_its_own(visitor, stranger, stock):
    person = visitor(stranger.user)
    response = person.page.goto(person.base + reverse("listings:product-detail", args=["p1"]))
    assert response.status == 404
    person.complaints.clear()  # the browser itself complains of the 404
    person.check()
