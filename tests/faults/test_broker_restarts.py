"""The broker is killed and started again, many times, while mails go out (NGT-3, K-18).

`BROKER_RESTARTS` in the environment changes how often; 50 before a release.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.contract.outside import ROOT, Portal, own_database
from tests.faults import size
from tests.faults.outside_rows import read

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.processes,
    pytest.mark.long,
    pytest.mark.rule("NGT-3", "K-18"),
]

RESTARTS = size("BROKER_RESTARTS", 5)
A_SECOND = 12
"""Notices told a second, each with a mail of its own."""
WAIT_SECONDS = 90
NOW = "2022-08-03T12:00:00-07:00"
MESSAGE_ID = re.compile(r"^Message-ID:\s+(\S+)", re.MULTILINE)

FILES = {
    "categories": [{"code": "bags", "parent": "", "name_en": "Bags"}],
    "sellers": [
        {"member_id": "cn1", "name_en": "Bag Works", "membership": "verified",
         "company_type": "manufacturer", "main_category": "bags"},
    ],
    "members": [{"username": "mei", "seller": "cn1", "role": "owner", "email": "mei@example.com"}],
}  # fmt: skip

TELL = """
import time
from datetime import date
from django.db import transaction
from portal.models import Seller
from portal.services.notices import notice_send
seller, count, before = Seller.objects.get(), {count}, "{before}"
for number in range(count):
    with transaction.atomic():
        notice_send(kind="theme_ending", key=f"{{before}}{{number}}", seller=seller,
                    params={{"theme": "T", "theme_id": "T-1", "day": date(2022, 7, 19), "days": 7, "products": 3}})
    time.sleep(1 / {a_second})
"""
SWEEP_TWICE = """
from portal.tasks import sweep_outbox
sweep_outbox.delay()
sweep_outbox.delay()
"""


class Post:
    """A portal whose mails are files, with a broker of its own and the processes that carry them."""

    def __init__(self, portal: Portal, broker: servers.Server) -> None:
        self.portal, self.broker = portal, broker
        self.mails = portal.folder / "mails"
        self.mails.mkdir()
        self.running: list[subprocess.Popen[bytes]] = []
        portal.environment |= {
            "REDIS_URL": broker.url,
            "MAIL_QUEUE": "mails",
            "EMAIL_URL": f"filemail:///{self.mails}",  # environ drops the first slash of the path
            "LOG_LEVEL": "ERROR",
        }

    def start(self, *command: str, **extra: str) -> subprocess.Popen[bytes]:
        with (self.portal.folder / "processes.log").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT, env={**self.portal.environment, **extra}, stdout=out, stderr=out,
            )  # fmt: skip
        self.running.append(process)
        return process

    def celery(self, *command: str, **extra: str) -> subprocess.Popen[bytes]:
        return self.start("-m", "celery", "-A", "tests.faults.mail_worker", *command, **extra)

    def worker(self, **extra: str) -> None:
        self.celery("worker", "-P", "solo", "-l", "ERROR", "-Q", "mails", **extra)

    def beat(self) -> None:
        schedule = self.portal.folder / f"beat-{len(self.running)}"
        self.celery("beat", "-l", "ERROR", "--pidfile=", "-s", str(schedule))

    def tell(self, before: str, count: int) -> subprocess.Popen[bytes]:
        """Tell so many things, one after the other, and hand each mail to the workers."""
        return self.run(TELL.format(before=before, count=count, a_second=A_SECOND))

    def run(self, code: str) -> subprocess.Popen[bytes]:
        """Run code of the portal that sends to the test's queue."""
        starts = "import tests.faults.mail_worker, django; django.setup()\n"
        return self.start("-c", starts + code, DJANGO_SETTINGS_MODULE="portal.settings")

    def restart_broker(self, times: int) -> None:
        for _ in range(times):
            time.sleep(0.8)
            self.broker.kill()
            time.sleep(0.3)
            self.broker.restart()

    def states(self) -> Counter[str]:
        rows = read(self.portal.environment["DATABASE_URL"], "SELECT mail_state FROM portal_notice")
        return Counter(state for (state,) in rows)

    def await_sent(self, count: int) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while (states := self.states()) != {"sent": count}:
            log = self.portal.folder / "processes.log"
            assert time.monotonic() < deadline, f"{states}\n{log.read_text()[-3000:]}"
            time.sleep(0.3)

    def sent(self) -> Counter[str]:
        """How often each mail went out, by its Message-ID."""
        texts = [file.read_text() for file in self.mails.iterdir()]
        return Counter(found for text in texts for found in MESSAGE_ID.findall(text))

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def post(folder: Path) -> Iterator[Post]:
    broker = servers.start_valkey()
    with own_database(folder) as url:
        portal = Portal(folder, url, NOW)
        portal.feed(FILES)
        made = Post(portal, broker)
        try:
            yield made
        finally:
            made.stop()
            broker.stop()


def test_a_broker_that_restarts_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    count = int(A_SECOND * (RESTARTS * 1.2 + 1))
    with post(tmp_path) as made:
        for _ in range(2):
            made.worker(MAIL_SLOW="0.02")
        made.beat()
        telling = made.tell("storm-", count)
        made.restart_broker(RESTARTS)
        assert telling.wait(timeout=WAIT_SECONDS + RESTARTS * 3) == 0
        made.await_sent(count)
        time.sleep(2)  # what is on its way a second time has arrived
        sent = made.sent()
        print(f"{RESTARTS} restarts, {count} mails, {sum(sent.values())} sent")
        assert (len(sent), set(sent.values())) == (count, {1})


def test_without_the_sweeper_mails_wait_for_ever(tmp_path: Path) -> None:
    """The control: what was told while the broker was away reaches nobody, until the sweeper is back."""
    with post(tmp_path) as made:
        made.worker()
        made.broker.kill()
        assert made.tell("away-", 10).wait(timeout=WAIT_SECONDS) == 0
        made.broker.restart()
        assert made.tell("back-", 5).wait(timeout=WAIT_SECONDS) == 0
        deadline = time.monotonic() + WAIT_SECONDS
        while made.states()["sent"] < 5 and time.monotonic() < deadline:
            time.sleep(0.3)
        assert made.states() == {"sent": 5, "pending": 10}
        made.beat()
        made.await_sent(15)
        assert set(made.sent().values()) == {1}


@pytest.mark.parametrize("guarded", [True, False])
def test_two_sweeps_at_once_send_each_mail_once(tmp_path: Path, guarded: bool) -> None:
    """With its control: workers that do not claim a mail before they send it."""
    count = 25
    with post(tmp_path) as made:
        made.broker.kill()
        assert made.tell("twice-", count).wait(timeout=WAIT_SECONDS) == 0
        made.broker.restart()
        for _ in range(2):
            made.worker(MAIL_SLOW="0.4", MAIL_UNGUARDED="" if guarded else "1")
        assert made.run(SWEEP_TWICE).wait(timeout=WAIT_SECONDS) == 0
        made.await_sent(count)
        time.sleep(1)  # the other one is at its last mail
        assert max(made.sent().values()) == (1 if guarded else 2)
