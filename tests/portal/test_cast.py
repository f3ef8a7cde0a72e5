"""The tests' own cast and servers."""

import pytest
from django.db import connection

from portal import platform_time
from portal.models import CategoryClosure, Member
from portal.scoping import seller_scope


def test_the_cast_belongs_to_two_shops(owner, colleague, viewer, stranger, staff):
    assert owner.seller == colleague.seller == viewer.seller != stranger.seller
    with seller_scope(owner.seller):
        assert {member.user.username for member in Member.objects.all()} == {
            "owner", "colleague", "viewer",
        }  # fmt: skip
    assert staff.is_superuser


def test_the_category_tree_has_its_closure(category):
    ancestors = CategoryClosure.objects.filter(descendant=category).order_by("-distance")
    assert [pair.ancestor.code for pair in ancestors] == [
        "sports", "bicycles", "e-bike-parts", "e-bike-kits",
    ]  # fmt: skip


def test_api_clients_carry_tokens(owner_api, stranger_api, anonymous_api):
    assert owner_api.get("/api/v1/me").json()["seller"] == "cn1001"
    assert stranger_api.get("/api/v1/me").json()["seller"] == "cn2002"
    assert anonymous_api.get("/api/v1/me").status_code == 401


@pytest.mark.rule("K-5")
def test_the_clock_stands_and_moves(clock):
    before = platform_time.now()
    assert platform_time.now() == before
    clock.advance(hours=13)
    assert str(platform_time.today()) == "2022-08-04"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_functions_really_run_at_once(at_once):
    backends = set(at_once([_backend] * 20))
    assert len(backends) == 20


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.2)")
        return cursor.fetchone()[0]
