"""Every Celery task run twice and by several workers at once leaves what running it once leaves (NGT-3, K-18).

A broker may deliver a message again, sweepers send what they take for lost, and two beats may be at work.
"""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Task
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import EmailMessage
from knox.models import AuthToken

from compliance import tasks as compliance_tasks
from compliance.services.rule_classes import rule_class_publish
from listings import tasks as listings_tasks
from listings.services.product_actions import product_delete
from portal import platform_time, queueing, tasks
from portal.celery import app
from portal.ingest import uploads
from portal.models import (
    Bulletin,
    IdempotentAnswer,
    IngestBatch,
    Member,
    Notice,
    Seller,
    SellerFlag,
    ShardRun,
    User,
    WebhookDelivery,
    WebhookEvent,
)
from portal.nightly import engine, ledger
from portal.scoping import unscoped
from portal.services.files import file_store
from portal.services.notices import notice_send
from portal.services.tokens import token_issue
from portal.webhooks import transport
from portal.webhooks.transport import Outcome
from rfq import tasks as rfq_tasks
from rfq.services.searches import search_save
from tests.compliance.test_rule_classes import draft
from tests.compliance.test_screening import feed
from tests.concurrency.forks import Failed
from tests.faults.copies import Copy, copy_of_test_database, stored
from tests.listings.theme_world import product_feed
from tests.portal.test_hostile_uploads import image
from tests.portal.webhook_world import endpoint_create, happened
from tests.rfq.market_tools import asked, listed

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.django_db(transaction=True),
    pytest.mark.long,
]

WORKERS = 4
TODAY = date(2022, 8, 3)
WALL_CLOCK = datetime(2026, 5, 5, 12, tzinfo=UTC)
LONG_AGO = timedelta(days=40)
ENDING = {"theme": "LED strips", "day": date(2022, 7, 19), "products": 3, "days": 7}


class World:
    """Who there is when a task finds something to do."""

    def __init__(self, owner: Member, staff: User, clock: Any, monkeypatch: Any) -> None:
        self.owner, self.staff, self.clock = owner, staff, clock
        self.monkeypatch = monkeypatch

    @property
    def shop(self) -> Seller:
        return self.owner.seller

    def night(self) -> int:
        """A night that has been started and nothing more; its run."""
        product_feed(self.shop, "p1", title="Kit")
        return ledger.night_start(as_of=date(2022, 8, 1), jobs=["metrics"], mode=ledger.CELERY).pk

    def shard(self) -> int:
        """A shard that waits for a worker."""
        engine.run_advance(run_id=self.night())
        return ShardRun.objects.order_by("pk")[0].pk

    def lost_shard(self) -> None:
        """The same, and its message is lost."""
        self.shard()
        ShardRun.objects.update(enqueued_at=None)

    def notice(self) -> int:
        """A mail that waits."""
        notice_send(kind="theme_ending", key="k", params=ENDING, seller=self.shop)
        with unscoped():
            return Notice.objects.get().pk

    def webhook(self) -> int:
        """An event that waits for an endpoint; whatever is sent shows among the mails."""

        def taken(url: str, headers: dict[str, str], body: bytes) -> Outcome:
            told = {"Message-ID": headers["webhook-id"]}
            EmailMessage(subject=url, to=["erp@example.com"], headers=told).send()
            return Outcome(status=200)

        self.monkeypatch.setattr(transport, "post", taken)
        endpoint = endpoint_create(self.shop)
        for number in range(3):
            happened(self.shop, f"fact {number}")
        return endpoint.pk

    def bulletin(self) -> None:
        hour_ago = platform_time.now() - timedelta(hours=1)
        Bulletin.objects.create(slug="a", title_en="A", body_en="Text", published_at=hour_ago)

    def upload(self) -> int:
        """A file of rows that waits for a worker."""
        self.monkeypatch.setattr(uploads, "INLINE_BYTES", 0)
        rows = "buyer_id,country,tier\n" + "".join(f"B{n},US,L1\n" for n in range(300))
        file = SimpleUploadedFile("buyers.csv", rows.encode())
        return uploads.upload_accept(actor=self.staff, kind="buyers", file=file).pk

    def stale_upload(self) -> None:
        """The same, long after its worker died; an old answer; a file no batch names."""
        self.upload()
        IngestBatch.objects.update(progress_at=WALL_CLOCK - LONG_AGO)
        with unscoped():
            IdempotentAnswer.objects.create(
                seller=self.shop, key="k", request="r", status=201, created_at=WALL_CLOCK - LONG_AGO
            )
        self.old_file(f"{uploads.FOLDER}/left")

    def old_file(self, path: str) -> None:
        place = Path(default_storage.path(default_storage.save(path, ContentFile(b"x"))))
        old = (WALL_CLOCK - LONG_AGO).timestamp()
        os.utime(place, (old, old))

    def files(self) -> None:
        """A file no row names, the attachment of a quote nobody sent, and a webhook of long ago."""
        endpoint_create(self.shop)
        happened(self.shop, "fact")
        with unscoped():
            WebhookDelivery.objects.update(state="failed", due_at=None)
            WebhookEvent.objects.update(created_at=WALL_CLOCK - LONG_AGO)
        self.old_file("private/zz/lost")
        upload = SimpleUploadedFile("a.png", image())
        user = self.owner.user
        file_store(seller=self.shop, actor=user, upload=upload, purpose="quote")
        self.clock.advance(days=2)

    def search(self) -> None:
        search_save(member=self.owner, name="kits", query=asked("q=kit"))
        self.clock.advance(minutes=5)
        for number in range(3):
            listed(f"R{number}", title="A kit", posted_at=platform_time.now())
        self.clock.advance(minutes=30)

    def terms(self) -> None:
        for number in range(5):
            feed(self.shop, f"p{number}", title="Plutonium kit")
        rule_class_publish(actor=self.staff, rule_class=draft(self.staff), starts_on=TODAY)

    def token(self) -> None:
        token_issue(user=self.owner.user)
        AuthToken.objects.update(expiry=WALL_CLOCK + timedelta(days=10))

    def bin(self) -> None:
        with unscoped():
            for number in range(3):
                product = product_feed(self.shop, f"p{number}", title="Kit")
                product_delete(actor=self.owner, product=product)
        self.old_file("imports/left")
        self.clock.advance(days=31)


CASES: dict[str, tuple[Task, Callable[[World], Any]]] = {
    one.name: (one, build)
    for one, build in (
        (tasks.deliver_notice, World.notice),
        (tasks.announce_bulletins, World.bulletin),
        (tasks.sweep_outbox, lambda world: (world.notice(), world.bulletin())[2:]),
        (tasks.deliver_webhooks, World.webhook),
        (tasks.sweep_webhooks, lambda world: (world.webhook(),)[1:]),
        (tasks.run_shard, World.shard),
        (tasks.advance_night, World.night),
        (tasks.sweep_nights, World.lost_shard),
        (tasks.schedule_nights, lambda world: (product_feed(world.shop, "p1"),)[1:]),
        (tasks.run_ingest_upload, World.upload),
        (tasks.sweep_ingest_uploads, World.stale_upload),
        (tasks.sweep_files, World.files),
        (tasks.warn_tokens, World.token),
        (rfq_tasks.alert_searches, World.search),
        (compliance_tasks.rescreen, World.terms),
        (listings_tasks.purge_products, World.bin),
    )
}
"""Each task with a world in which it has something to do; what that returns is the task's argument."""


def test_every_task_has_a_case() -> None:
    """A task that is added needs a world here, or nobody knows what a repetition of it does."""
    app.loader.import_default_modules()
    registered = {name for name in app.tasks if not name.startswith("celery.")}
    assert registered == set(CASES)


@pytest.fixture
def world(
    owner: Member,
    staff: User,
    clock: Any,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    tmp_path: Path,
) -> World:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media").mkdir()
    # The same instant in every process: stamps differ by what was done and by nothing else.
    monkeypatch.setattr(platform_time, "wall_clock", lambda: WALL_CLOCK)
    return World(owner, staff, clock, monkeypatch)


def built(world: World, build: Callable[[World], Any]) -> tuple[Any, ...]:
    """Make what the task will find; nothing that is sent meanwhile is run."""
    with world.monkeypatch.context() as nobody_works:
        nobody_works.setattr(queueing, "_run_eagerly", lambda *_sent: None)
        found = build(world)
    return () if found is None else found if isinstance(found, tuple) else (found,)


def working(task: Task, args: tuple[Any, ...]) -> Callable[[], list[str]]:
    """Run a task as a worker does; return the mails it sent, by Message-ID."""

    def work() -> list[str]:
        queueing._run_eagerly(task, args)
        return [message.extra_headers["Message-ID"] for message in mail.outbox]

    return work


def ran(copy: Copy, work: Callable[[], list[str]], workers: int) -> Counter[str]:
    """Let workers do it at the same moment; return how often each mail went out."""
    results = copy.run([work] * workers)
    for result in results:
        assert not isinstance(result, Failed), result.text
    return Counter(message for result in results for message in result)


def differences(task: Task, args: tuple[Any, ...], folder: Path) -> dict[str, Any]:
    """What is stored differently, or mailed more than once, when workers do it at once and again."""
    before = stored()
    work = working(task, args)
    with copy_of_test_database(folder) as once:
        mails = ran(once, work, 1)
        expected = once.ask(stored)
    assert expected != before, "the task had nothing to do"
    with copy_of_test_database(folder) as many:
        again = ran(many, work, WORKERS)
        at_once = many.ask(stored)
        again += ran(many, work, 1)
        once_more = many.ask(stored)
    found = {
        table: _first_difference(expected.get(table, []), state.get(table, []))
        for state in (at_once, once_more)
        for table in {*expected, *state}
        if expected.get(table) != state.get(table)
    }
    if again != mails:
        found["mails"] = (mails, again)
    return found


def _first_difference(expected: list[Any], found: list[Any]) -> Any:
    """Return the first rows that differ, or how many rows there are."""
    for one, other in zip(expected, found, strict=False):
        if one != other:
            return one, other
    return len(expected), len(found)


@pytest.mark.rule("NGT-3", "K-18", "K-15")
@pytest.mark.parametrize("name", sorted(CASES))
def test_a_task_run_twice_and_at_once_leaves_the_same_state(
    name: str, world: World, tmp_path: Path
) -> None:
    task, build = CASES[name]
    assert differences(task, built(world, build), tmp_path) == {}


# --- Controls -----------------------------------------------------------------------------------


@app.task(name="celery.tests_append")
def _append() -> None:
    """Writes one row more each time."""
    code = uuid.uuid4().hex[:20]
    SellerFlag.objects.create(seller=Seller.objects.get(), code=code, since=TODAY)


@app.task(name="celery.tests_racy")
def _racy() -> None:
    """Looks, and then does what was not done: right when repeated, wrong at once."""
    from portal.services import notices

    with unscoped():
        waiting = list(Notice.objects.filter(mail_state="pending").select_related("user"))
        time.sleep(0.5)
        for notice in waiting:
            notices._compose(notice).send()
            Notice.objects.filter(pk=notice.pk).update(mail_state="sent", mail_due_at=None)


def test_a_task_that_adds_each_time_is_found(world: World, tmp_path: Path) -> None:
    """The control of repeating."""
    assert set(differences(_append, (), tmp_path)) == {"portal.SellerFlag"}


def test_a_task_that_looks_first_is_found(world: World, tmp_path: Path) -> None:
    """The control of running at once: four workers send one mail four times."""
    built(world, World.notice)
    found = differences(_racy, (), tmp_path)
    assert set(found) == {"mails"}
    assert set(found["mails"][1].values()) == {WORKERS}
