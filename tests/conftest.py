"""The cast of every test: an owner, her colleagues, a stranger from another shop, staff."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from portal import platform_time, prepared_reads
from portal.choices import AttributeType, Role
from portal.models import Category, Member, Seller, User
from tests import factories, flushing, migrated
from tests.rules_plugin import (  # noqa: F401  hooks
    pytest_addoption,
    pytest_collection_finish,
    pytest_configure,
    pytest_runtest_logreport,
    pytest_runtest_makereport,
    pytest_sessionfinish,
)

# How long one example takes says what else the machine does, not whether the code is right.
hypothesis_settings.register_profile(
    "portal", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("portal")

prepared_reads.checked = True  # every statement written ahead is that of its query, on every call

NEEDS_SERVERS = ("django_db", "both_databases", "postgres", "redis", "processes", "browser")
"""Markers of tests that meet the pass's servers."""
DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Tell what needs other servers than this pass has, or none at all; begin with what is long."""
    on_postgres = not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    missing = {}
    if not on_postgres:
        missing["postgres"] = "needs PostgreSQL: PORTAL_TEST_DB=postgres"
    if not settings.REDIS_URL:
        missing["redis"] = "needs a broker: PORTAL_TEST_DB=postgres or REDIS_URL"
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
        marked = any(map(item.get_closest_marker, NEEDS_SERVERS))
        if not marked and not DATABASE_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.once)
    yield
    # The others fill the time beside them: no process is left alone with a long one at the end. Files of
    # many come first, where an idle process looks for work last: their world is made once per process.
    long = Counter(item.path for item in items if item.get_closest_marker("long"))
    items.sort(key=lambda item: -long[item.path] if item.get_closest_marker("long") else 0)


def pytest_report_header() -> str:
    """Name the servers at the top of the run."""
    from tests import servers

    named = servers.describe(os.environ.get("DATABASE_URL", ""), settings.REDIS_URL)
    return f"servers: {named}"


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Give the process a test database of its own, a copy of the run's migrated one.

    It replaces pytest-django's, which would migrate once per process.
    """
    creation, before = connection.creation, connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            template = migrated.postgres_template(os.environ["DATABASE_URL"])
            connection.settings_dict["TEST"]["TEMPLATE"] = template
        name = creation._create_test_db(verbosity=0, autoclobber=True)
        connection.close()
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            migrated.sqlite_load(connection.connection)
        flushing.make_cheap(connection)
    yield
    with django_db_blocker.unblock():
        creation.destroy_test_db(before, verbosity=0)


@pytest.fixture(autouse=True)
def _fresh_process_state() -> Iterator[None]:
    """Let no test see another's language, cache or demo clock."""
    # A request activates its reader's language for the thread and leaves it so.
    translation.activate(settings.LANGUAGE_CODE)
    yield
    translation.activate(settings.LANGUAGE_CODE)
    platform_time.forget_demo_clock()
    if not settings.REDIS_URL or os.environ.get("PORTAL_TEST_OWN_BROKER"):
        cache.clear()


# --- Clock --------------------------------------------------------------------------------------


class Clock:
    """Sets the platform's time for the test: `clock("2022-08-03T12:00:00-07:00")`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, instant: str) -> None:
        platform_time.parse_instant(instant)
        self._monkeypatch.setenv("PORTAL_NOW", instant)

    def noon(self, day: date) -> None:
        """Set the time to noon of a Pacific day."""
        self((platform_time.start_of(day) + timedelta(hours=12)).isoformat())

    def advance(self, **amount: float) -> None:
        """Move the time on: `clock.advance(hours=2)`."""
        self((platform_time.now() + timedelta(**amount)).isoformat())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands at noon of 2022-08-03 (Pacific) until the test moves it."""
    clock = Clock(monkeypatch)
    clock.noon(date(2022, 8, 3))
    return clock


# --- Catalogue ----------------------------------------------------------------------------------


@pytest.fixture
def categories(db: None) -> dict[str, Category]:
    """The small tree of `tests.factories.TREE` by code, with attributes on the e-bike parts."""
    made = factories.tree_create()
    offered = {
        "voltage": (AttributeType.SELECT, ["36V", "48V", "52V"]),
        "features": (AttributeType.MULTI, ["Waterproof", "Foldable", "Quiet"]),
        "material": (AttributeType.TEXT, []),
        "power_w": (AttributeType.NUMBER, []),
    }
    factories.attributes_create(made["e-bike-parts"], offered)
    return made


@pytest.fixture
def category(categories: dict[str, Category]) -> Category:
    """Sports>>Bicycles>>Electric Bicycle Parts>>Electric Bicycle Kits (运动及娱乐>>…)."""
    return categories["e-bike-kits"]


# --- People -------------------------------------------------------------------------------------


@pytest.fixture
def shop(category: Category) -> Seller:
    """The shop the test is about."""
    return factories.seller_create(category, member_id="cn1001", name_en="Suzhou E-Bike Kits Ltd")


@pytest.fixture
def other_shop(category: Category) -> Seller:
    """Another shop of the same industry."""
    return factories.seller_create(category, member_id="cn2002", name_en="Ningbo Wheels Ltd")


@pytest.fixture
def owner(shop: Seller) -> Member:
    """The shop's main account."""
    return factories.member_create(shop, Role.OWNER, "owner")


@pytest.fixture
def colleague(shop: Seller) -> Member:
    """A salesperson of the shop."""
    return factories.member_create(shop, Role.SALESPERSON, "colleague")


@pytest.fixture
def viewer(shop: Seller) -> Member:
    """A member of the shop who may only read."""
    return factories.member_create(shop, Role.VIEWER, "viewer")


@pytest.fixture
def stranger(other_shop: Seller) -> Member:
    """The owner of the other shop."""
    return factories.member_create(other_shop, Role.OWNER, "stranger")


@pytest.fixture
def staff(db: None) -> User:
    """A superuser of the platform; belongs to no shop."""
    return factories.user_create("staff", is_staff=True, is_superuser=True)


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def owner_client(owner: Member) -> Client:
    """A browser session of the owner."""
    return _signed_in(owner.user)


@pytest.fixture
def colleague_client(colleague: Member) -> Client:
    """A browser session of the salesperson."""
    return _signed_in(colleague.user)


@pytest.fixture
def viewer_client(viewer: Member) -> Client:
    """A browser session of the viewer."""
    return _signed_in(viewer.user)


@pytest.fixture
def stranger_client(stranger: Member) -> Client:
    """A browser session of the other shop's owner."""
    return _signed_in(stranger.user)


@pytest.fixture
def staff_client(staff: User) -> Client:
    """A browser session of staff."""
    return _signed_in(staff)


@pytest.fixture
def anonymous_api() -> APIClient:
    """An API client without a token."""
    return factories.api_client(None)


@pytest.fixture
def owner_api(owner: Member) -> APIClient:
    """An API client with the owner's token."""
    return factories.api_client(owner.user)


@pytest.fixture
def colleague_api(colleague: Member) -> APIClient:
    """An API client with the salesperson's token."""
    return factories.api_client(colleague.user)


@pytest.fixture
def viewer_api(viewer: Member) -> APIClient:
    """An API client with the viewer's token."""
    return factories.api_client(viewer.user)


@pytest.fixture
def stranger_api(stranger: Member) -> APIClient:
    """An API client with the token of the other shop's owner."""
    return factories.api_client(stranger.user)


@pytest.fixture
def staff_api(staff: User) -> APIClient:
    """An API client with a service token: a superuser holds every permission."""
    return factories.api_client(staff)


# --- Races --------------------------------------------------------------------------------------


@pytest.fixture
def at_once() -> Callable[[list[Callable[[], object]]], list[object]]:
    """Run functions at the same moment, each in a thread with its own connection.

    Returns what each returned or raised, in order. For `django_db(transaction=True)` tests.
    """

    def run(functions: list[Callable[[], object]]) -> list[object]:
        barrier = threading.Barrier(len(functions))
        results: list[object] = [None] * len(functions)

        def call(position: int) -> None:
            try:
                connection.ensure_connection()
                barrier.wait(timeout=60)
                results[position] = functions[position]()
            except Exception as error:
                results[position] = error
            finally:
                connections.close_all()

        threads = [
            threading.Thread(target=call, args=(position,)) for position in range(len(functions))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return run
