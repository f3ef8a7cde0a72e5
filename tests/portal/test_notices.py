"""Notices: once per person, in the reader's language, mailed after commit (K-18)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest import mock

import pytest
from django.core import mail
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from portal import platform_time
from portal.choices import MailState, NoticeAudience
from portal.errors import InvalidInput
from portal.models import Member, Notice, NoticePreference, Seller, User
from portal.notice_kinds import NOTICE_KINDS, decode_parameter, encode_parameters
from portal.scoping import unscoped
from portal.services.notices import (
    MAX_ATTEMPTS,
    NoticeDraft,
    notice_deliver,
    notice_mark_read,
    notice_outbox_sweep,
    notice_preferences,
    notice_preferences_save,
    notice_send,
    notice_send_many,
    notice_unread_count,
)
from tests import factories

pytestmark = [pytest.mark.rule("K-18"), pytest.mark.django_db]

ENDING = {"theme": "LED strips", "day": date(2022, 7, 19), "products": 3, "days": 7}


def rows() -> list[Notice]:
    with unscoped():
        return list(Notice.objects.select_related("user").order_by("pk"))


def send_ending(seller: Seller, key: str = "theme:T1:7", **changes: object) -> int:
    return notice_send(kind="theme_ending", key=key, seller=seller, params={**ENDING, **changes})


def make_due(notice: Notice) -> None:
    with unscoped():
        past = platform_time.wall_clock() - timedelta(seconds=1)
        Notice.objects.filter(pk=notice.pk).update(mail_due_at=past)


def test_it_tells_every_active_member_once(
    shop: Seller, owner: Member, colleague: Member, viewer: Member, stranger: Member
) -> None:
    viewer.is_active = False
    viewer.save()
    assert send_ending(shop) == 2
    assert send_ending(shop, theme="renamed") == 0
    assert [row.user for row in rows()] == [owner.user, colleague.user]
    assert {row.params["theme"] for row in rows()} == {"LED strips"}


def test_it_tells_named_members_only(shop: Seller, owner: Member, colleague: Member) -> None:
    notice_send(kind="theme_ending", key="k", members=[colleague], params=ENDING)
    assert [row.user for row in rows()] == [colleague.user]


def test_staff_notices_have_no_shop(staff: User, owner: Member) -> None:
    params = {"day": date(2022, 7, 19), "job": "listings.matches", "shards": 2}
    notice_send(kind="night_failed", key="night:1", users=[staff], params=params)
    assert [(row.user, row.seller_id) for row in rows()] == [(staff, None)]
    assert notice_unread_count(user=staff, seller=None) == 1


@pytest.mark.parametrize(
    "draft",
    [
        NoticeDraft("no_such_kind", "k"),
        NoticeDraft("theme_ending", "k", {"theme": "T"}),
        NoticeDraft("theme_ending", "k", ENDING, link="https://elsewhere.example"),
        NoticeDraft("theme_ending", "k", ENDING, link="//elsewhere.example"),
    ],
)
def test_a_wrong_draft_is_the_callers_error_and_tells_nobody(
    shop: Seller, owner: Member, draft: NoticeDraft
) -> None:
    right = NoticeDraft("theme_ending", "right", ENDING, seller_id=shop.pk)
    with pytest.raises(ValueError):  # noqa: PT011
        notice_send_many([right, draft])
    assert rows() == []


def test_many_events_take_a_constant_number_of_queries(
    shop: Seller,
    other_shop: Seller,
    owner: Member,
    stranger: Member,
    django_assert_max_num_queries: object,
) -> None:
    drafts = [
        NoticeDraft("theme_ending", f"theme:{number}", ENDING, seller_id=seller.pk)
        for number in range(40)
        for seller in (shop, other_shop)
    ]
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        assert notice_send_many(drafts) == 80
    assert len(rows()) == 80


# --- Words --------------------------------------------------------------------------------------


def test_every_kind_renders_with_its_parameters_in_both_languages(owner: Member) -> None:
    for kind in NOTICE_KINDS.values():
        notice = Notice(kind=kind.code, params=dict.fromkeys(kind.parameters, "X"))
        for language in ("en", "zh-hans"):
            with translation.override(language):
                assert "{" not in notice.title + notice.body
                assert "–" not in notice.title


def test_it_speaks_the_readers_language_and_formats() -> None:
    stored = encode_parameters(
        {
            "day": date(2022, 7, 19),
            "instant": datetime(2022, 7, 20, 5, 0, tzinfo=UTC),
            "number": Decimal("1234.5"),
            "count": 12345,
            "name": {"en": "Light", "zh": "灯"},
            "choice": _("Approved"),
        }
    )
    with translation.override("en"):
        assert decode_parameter(stored["day"]) == "Jul 19, 2022"
        # 05:00 UTC is still the evening before in Pacific time.
        assert decode_parameter(stored["instant"]) == "Jul 19, 2022 22:00 (Pacific)"
        assert decode_parameter(stored["number"]) == "1,234.5"
        assert decode_parameter(stored["count"]) == "12,345"
        assert decode_parameter(stored["name"]) == "Light"
        assert decode_parameter(stored["choice"]) == "Approved"
    with translation.override("zh-hans"):
        assert decode_parameter(stored["day"]) == "2022年7月19日"
        assert decode_parameter(stored["name"]) == "灯"


def test_braces_in_a_value_are_text(shop: Seller, owner: Member) -> None:
    send_ending(shop, theme="{day} {0.__class__}")
    assert "{day} {0.__class__}" in rows()[0].title


def test_a_parameter_that_cannot_be_stored_is_refused(shop: Seller, owner: Member) -> None:
    with pytest.raises(TypeError):
        send_ending(shop, theme=object())
    assert rows() == []


# --- Mail ---------------------------------------------------------------------------------------


def test_mail_goes_out_after_commit_in_the_readers_language(
    shop: Seller, owner: Member, django_capture_on_commit_callbacks: object
) -> None:
    User.objects.filter(pk=owner.user.pk).update(language="zh-hans")
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        notice_send(
            kind="theme_ending", key="k", seller=shop, params=ENDING, link="/listings/themes/"
        )
        assert mail.outbox == []
    (message,) = mail.outbox
    assert message.to == [owner.user.email]
    assert "2022年7月19日" in message.subject
    assert "http://127.0.0.1:8000/listings/themes/" in message.body
    (row,) = rows()
    assert (row.mail_state, row.mail_attempts) == (MailState.SENT, 1)
    assert row.mailed_at is not None


def test_a_rolled_back_cause_mails_nothing(
    shop: Seller, owner: Member, django_capture_on_commit_callbacks: object
) -> None:
    def fail() -> None:
        with transaction.atomic():
            send_ending(shop)
            raise RuntimeError

    with (
        django_capture_on_commit_callbacks(execute=True),  # type: ignore[operator]
        pytest.raises(RuntimeError),
    ):
        fail()
    assert mail.outbox == []
    assert rows() == []
    assert notice_outbox_sweep() == 0


@pytest.mark.parametrize(("chosen", "state"), [(True, "pending"), (False, "none")])
def test_the_members_choice_decides_about_mail(
    shop: Seller, owner: Member, chosen: bool, state: str
) -> None:
    notice_preferences_save(member=owner, email={"theme_ending": chosen})
    send_ending(shop)
    assert [row.mail_state for row in rows()] == [state]


def test_without_a_choice_the_kind_decides_and_no_address_means_no_mail(
    shop: Seller, owner: Member, colleague: Member
) -> None:
    User.objects.filter(pk=colleague.user.pk).update(email="")
    send_ending(shop)
    params = {"day": date(2022, 7, 19), "gained": 1, "lost": 0}
    notice_send(kind="matches_changed", key="m", seller=shop, params=params)
    states = {(row.user.username, row.kind): row.mail_state for row in rows()}
    assert states == {
        ("owner", "theme_ending"): "pending",
        ("colleague", "theme_ending"): "none",
        ("owner", "matches_changed"): "none",
        ("colleague", "matches_changed"): "none",
    }


def test_what_the_hand_over_lost_the_sweeper_finds(shop: Seller, owner: Member) -> None:
    send_ending(shop)
    assert mail.outbox == []
    assert notice_outbox_sweep() == 1
    assert notice_outbox_sweep() == 0
    assert len(mail.outbox) == 1


def test_delivering_twice_sends_once_under_one_message_id(shop: Seller, owner: Member) -> None:
    send_ending(shop)
    (row,) = rows()
    assert notice_deliver(notice_id=row.pk) is True
    assert notice_deliver(notice_id=row.pk) is False
    first = mail.outbox[0].message()["Message-ID"]
    with unscoped():
        Notice.objects.update(mail_state=MailState.PENDING)
    make_due(row)
    notice_deliver(notice_id=row.pk)
    assert mail.outbox[1].message()["Message-ID"] == first


def test_a_failure_waits_and_ends_after_five_attempts(shop: Seller, owner: Member) -> None:
    send_ending(shop)
    (row,) = rows()
    with mock.patch("django.core.mail.EmailMessage.send", side_effect=OSError("down")):
        for attempt in range(1, MAX_ATTEMPTS + 1):
            make_due(row)
            assert notice_outbox_sweep() == 0
            # Not due again at once: nothing happens until the wait is over.
            assert notice_deliver(notice_id=row.pk) is False
            (row,) = rows()
            assert row.mail_attempts == attempt
    assert row.mail_state == MailState.FAILED
    make_due(row)
    assert notice_outbox_sweep() == 0
    assert mail.outbox == []


def test_a_bad_mail_does_not_stop_the_next(shop: Seller, owner: Member, colleague: Member) -> None:
    send_ending(shop)
    broken, _fine = rows()
    User.objects.filter(pk=broken.user.pk).update(email="a\nb@example.com")
    assert notice_outbox_sweep() == 1
    assert [row.mail_state for row in rows()] == [MailState.PENDING, MailState.SENT]


# --- Inbox and preferences ----------------------------------------------------------------------


def test_reading_marks_own_notices_only(
    shop: Seller, owner: Member, colleague: Member, clock: object
) -> None:
    send_ending(shop)
    mine, theirs = rows()
    marked = notice_mark_read(user=owner.user, seller=shop, notice_ids=[mine.pk, theirs.pk])
    assert marked == 1
    assert [row.read_at is None for row in rows()] == [False, True]
    assert notice_unread_count(user=owner.user, seller=shop) == 0
    assert notice_unread_count(user=colleague.user, seller=shop) == 1
    assert notice_mark_read(user=owner.user, seller=shop) == 0


def test_preferences_list_what_members_can_receive(owner: Member) -> None:
    codes = [kind.code for kind, _email in notice_preferences(member=owner)]
    assert "theme_ending" in codes
    assert "member_invited" not in codes
    assert not [code for code in codes if NOTICE_KINDS[code].audience == NoticeAudience.STAFF]


def test_an_unknown_kind_refuses_the_whole_change(owner: Member) -> None:
    with pytest.raises(InvalidInput) as refusal:
        notice_preferences_save(member=owner, email={"theme_ending": False, "nonsense": True})
    assert [field for field, _text in refusal.value.fields] == ["nonsense"]
    with unscoped():
        assert not NoticePreference.objects.exists()


# --- Races --------------------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_tell_once(shop: Seller, owner: Member, at_once: object) -> None:
    results = at_once([lambda: send_ending(shop)] * 4)  # type: ignore[operator]
    assert not [result for result in results if isinstance(result, Exception)]
    assert len(rows()) == 1
    assert len(mail.outbox) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_mail_once(category: object, at_once: object) -> None:
    shop = factories.seller_create(category)  # type: ignore[arg-type]
    member = factories.member_create(shop)
    with transaction.atomic():
        notice_send(kind="theme_ending", key="k", members=[member], params=ENDING)
        # Nobody is handed the mail, so that all of the workers below find it waiting.
        transaction.get_connection().run_on_commit.clear()
    (row,) = rows()
    assert row.mail_state == MailState.PENDING
    results = at_once([lambda: notice_deliver(notice_id=row.pk)] * 6)  # type: ignore[operator]
    assert sorted(results) == [False] * 5 + [True]
    assert len(mail.outbox) == 1
