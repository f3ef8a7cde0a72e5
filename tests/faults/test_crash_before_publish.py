"""A process killed between its commit and the message that follows it (K-15, K-18, NGT-3, API-1)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import EmailMessage
from django.db import transaction

from portal import platform_time, queueing, tasks
from portal.choices import DeliveryState, MailState, RunState
from portal.ingest import uploads
from portal.models import Buyer, IngestBatch, Member, NightRun, Notice, Seller, User
from portal.nightly import ledger
from portal.scoping import unscoped
from portal.services import notices, webhook_deliveries
from portal.services.notices import notice_outbox_sweep, notice_send
from portal.services.webhook_deliveries import webhooks_deliver
from portal.webhooks import transport
from portal.webhooks.transport import Outcome
from tests.concurrency.forks import Processes
from tests.portal.night_world import DAY
from tests.portal.webhook_world import deliveries, endpoint_create, happened

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

ENDING = {"theme": "LED strips", "day": date(2022, 7, 19), "products": 3, "days": 7}
TAKEN = Outcome(status=200)


def die(*_args: Any, **_options: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed(processes: Processes, work: Callable[[], Any]) -> None:
    """Run something that is killed on its way."""
    with pytest.raises(EOFError):
        processes.run([work])


def tell(shop: Seller, *, killed_at: str) -> Callable[[], None]:
    def work() -> None:
        with transaction.atomic():
            notice_send(kind="theme_ending", key="k", params=ENDING, seller=shop)
            if killed_at == "before the commit":
                die()
            if killed_at == "before the message":
                queueing._run_eagerly = die  # type: ignore[assignment]
            if killed_at == "before the mail":
                EmailMessage.send = die  # type: ignore[assignment,method-assign]

    return work


def swept() -> tuple[int, list[str], int]:
    """Sweep; return how many mails went out, the states of notices, and attempts so far."""
    notice_outbox_sweep()
    with unscoped():
        rows = list(Notice.objects.values_list("mail_state", "mail_attempts"))
    return len(mail.outbox), [state for state, _ in rows], sum(attempts for _, attempts in rows)


@pytest.mark.rule("K-18")
@pytest.mark.parametrize(
    ("killed_at", "told"),
    [("before the commit", (0, [], 0)), ("before the message", (1, [MailState.SENT], 1))],
)
def test_a_mail_whose_message_was_never_sent_is_found(
    owner: Member, shop: Seller, processes: Processes, killed_at: str, told: Any
) -> None:
    killed(processes, tell(shop, killed_at=killed_at))
    assert processes.ask(swept) == told
    # Once sent it is sent.
    assert processes.ask(swept) == (0, *told[1:])


@pytest.mark.rule("K-18")
def test_a_mail_whose_worker_died_goes_out_when_its_claim_has_run_out(
    owner: Member, shop: Seller, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(processes, tell(shop, killed_at="before the mail"))
    assert processes.ask(swept) == (0, [MailState.PENDING], 1)
    later = platform_time.wall_clock() + notices.CLAIM
    monkeypatch.setattr(platform_time, "wall_clock", lambda: later)
    assert processes.ask(swept) == (1, [MailState.SENT], 2)


@pytest.mark.rule("API-1")
@pytest.mark.parametrize(
    ("killed_at", "events"), [("before the commit", 0), ("before the message", 1)]
)
def test_a_webhook_whose_message_was_never_sent_is_found(
    shop: Seller,
    processes: Processes,
    monkeypatch: pytest.MonkeyPatch,
    killed_at: str,
    events: int,
) -> None:
    sent = []
    monkeypatch.setattr(transport, "post", lambda url, **_sent: sent.append(url) or TAKEN)
    endpoint_create(shop)

    def work() -> None:
        with transaction.atomic():
            happened(shop, "fact")
            if killed_at == "before the commit":
                die()
            queueing._run_eagerly = die  # type: ignore[assignment]

    def sweep() -> tuple[int, list[str]]:
        queueing.enqueue(tasks.sweep_webhooks)
        return len(sent), [one.state for one in deliveries()]

    killed(processes, work)
    assert processes.ask(sweep) == (events, [DeliveryState.DELIVERED] * events)
    # Once delivered it is delivered.
    assert processes.ask(sweep) == (0, [DeliveryState.DELIVERED] * events)


@pytest.mark.rule("API-1")
def test_a_webhook_whose_worker_died_is_sent_when_its_claim_has_run_out(
    shop: Seller, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = endpoint_create(shop)
    with monkeypatch.context() as nobody_works:
        nobody_works.setattr(queueing, "_run_eagerly", lambda *_sent: None)
        happened(shop, "fact")
    monkeypatch.setattr(transport, "post", die)
    killed(processes, lambda: webhooks_deliver(endpoint_id=endpoint.pk))
    monkeypatch.setattr(transport, "post", lambda *_sent, **_more: TAKEN)

    def sweep() -> list[tuple[str, int]]:
        queueing.enqueue(tasks.sweep_webhooks)
        return [(one.state, one.attempts) for one in deliveries()]

    assert processes.ask(sweep) == [(DeliveryState.PENDING, 1)]
    later = platform_time.wall_clock() + webhook_deliveries.CLAIM
    monkeypatch.setattr(platform_time, "wall_clock", lambda: later)
    assert processes.ask(sweep) == [(DeliveryState.DELIVERED, 2)]


@pytest.mark.rule("K-15")
def test_an_upload_whose_message_was_never_sent_is_applied(
    staff: User,
    processes: Processes,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(uploads, "INLINE_BYTES", 0)

    def upload() -> None:
        queueing._run_eagerly = die  # type: ignore[assignment]
        rows = "buyer_id,country,tier\n" + "".join(f"B{n},US,L1\n" for n in range(20))
        file = SimpleUploadedFile("buyers.csv", rows.encode())
        uploads.upload_accept(actor=staff, kind="buyers", file=file)

    def sweep() -> tuple[int, bool]:
        queueing.enqueue(tasks.sweep_ingest_uploads)
        return Buyer.objects.count(), IngestBatch.objects.get().finished_at is not None

    killed(processes, upload)
    assert processes.ask(sweep) == (0, False)  # a worker may be at it
    later = platform_time.wall_clock() + 2 * uploads.STALE
    monkeypatch.setattr(platform_time, "wall_clock", lambda: later)
    assert processes.ask(sweep) == (20, True)
    assert not [one for one in (tmp_path / "media").rglob("*") if one.is_file()]


@pytest.mark.rule("NGT-3")
def test_a_night_whose_first_message_was_never_sent_begins(
    shop: Seller, processes: Processes, clock: Any
) -> None:
    def start() -> None:
        queueing._run_eagerly = die  # type: ignore[assignment]
        ledger.night_start(as_of=DAY, jobs=["metrics"], mode=ledger.CELERY)

    def sweep() -> str:
        queueing.enqueue(tasks.sweep_nights)
        return NightRun.objects.get().state

    killed(processes, start)
    assert processes.ask(sweep) == RunState.COMPLETE
