"""The night under kill -9, with real processes on a real database (NGT-3)."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests import migrated

ROOT = Path(__file__).resolve().parents[2]
DAY, DAY_BEFORE = "2022-08-01", "2022-07-31"
SHARDS = 4
WAIT_SECONDS = 60
KILLS = 8

pytestmark = [pytest.mark.both_databases, pytest.mark.processes, pytest.mark.long]

Points = list[str]


class Machine:
    """A database with thirty shops, and the processes that work on it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.log = folder / "computed.log"

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        return {
            **kept,
            "DATABASE_URL": self.url,
            "VAR_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "tests.concurrency.night_settings",
            "PORTAL_NOW": "2022-08-03T12:00:00-07:00",
            "CELERY_TASK_ALWAYS_EAGER": "0",
            "LOG_LEVEL": "ERROR",
            "NIGHT_LOG": str(self.log),
            **extra,
        }

    def start(self, *command: str, **extra: str) -> subprocess.Popen[bytes]:
        with (self.folder / "processes.log").open("ab") as out:
            return subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment(**extra),
                stdout=out,
                stderr=out,
            )

    def manage(self, *command: str, **extra: str) -> bytes:
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment(**extra),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def nightly(self, **extra: str) -> None:
        self.manage("nightly", "--as-of", DAY, "--shards", str(SHARDS), **extra)

    def standings(self) -> bytes:
        return self.manage("standings", "--as-of", DAY)

    def computed(self) -> Counter[str]:
        return Counter(self.log.read_text().split() if self.log.exists() else [])

    def run(self, code: str, **extra: str) -> subprocess.Popen[bytes]:
        return self.start("-c", f"import django; django.setup()\n{code}", **extra)

    def stop_at(
        self, process_of: Callable[[dict[str, str]], subprocess.Popen[bytes]], point: str
    ) -> None:
        """Start a process, wait until it stops at a point, and kill it there."""
        mark = self.folder / f"mark-{uuid.uuid4().hex}"
        process = process_of({"NIGHT_PAUSE": point, "NIGHT_MARK": str(mark)})
        deadline = time.monotonic() + WAIT_SECONDS
        while not mark.exists():
            assert process.poll() is None, f"the process ended before {point}"
            assert time.monotonic() < deadline, f"the process never came to {point}"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()


@dataclass
class Databases:
    """Makes databases that are copies of one that was seeded once."""

    folder: Path
    made: list[str]

    @property
    def on_postgres(self) -> bool:
        return not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")

    def machine(self, template: Machine | None = None) -> Machine:
        name = f"night_{uuid.uuid4().hex[:12]}"
        folder = self.folder / name
        folder.mkdir()
        if template is None:
            url = migrated.copy(folder, os.environ["DATABASE_URL"] if self.on_postgres else "")
        elif self.on_postgres:
            source = template.url.rpartition("/")[2]
            self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
            url = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"
        else:
            for file in template.folder.glob("portal.sqlite3*"):
                shutil.copy(file, folder)
            url = f"sqlite:///{folder / 'portal.sqlite3'}"
        self.made.append(url)
        return Machine(folder, url)

    def drop(self) -> None:
        for url in self.made:
            migrated.drop(url)

    def cut_connections(self, machine: Machine) -> int:
        """End every connection to a database; return how many there were."""
        name = machine.url.rpartition("/")[2]
        return self._execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )

    def _execute(self, statement: str) -> int:
        url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
        with psycopg.connect(url, autocommit=True) as link:
            return link.execute(statement).rowcount


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    made = Databases(tmp_path_factory.mktemp("nights"), [])
    yield made
    made.drop()


@pytest.fixture(scope="module")
def seeded(databases: Databases) -> Machine:
    """Thirty shops, and the night before the one that is going to be disturbed."""
    machine = databases.machine()
    machine.manage("night_seed")
    machine.manage("nightly", "--as-of", DAY_BEFORE)
    machine.log.unlink()
    return machine


@pytest.fixture(scope="module")
def undisturbed(databases: Databases, seeded: Machine) -> bytes:
    machine = databases.machine(seeded)
    machine.nightly()
    standings = machine.standings()
    assert standings.count(b"\n") > 200
    return standings


@pytest.fixture
def machine(databases: Databases, seeded: Machine) -> Machine:
    return databases.machine(seeded)


@pytest.mark.rule("NGT-3")
@pytest.mark.parametrize(
    "point",
    [
        "metrics:1:between",
        "metrics:2:start",
        "metrics:2:end",
        "metrics:publish",
        "metrics.derived:0:end",
    ],
)
def test_a_night_killed_anywhere_resumes_to_the_same_bytes(
    machine: Machine, undisturbed: bytes, point: str
) -> None:
    night = ("manage.py", "nightly", "--as-of", DAY, "--shards", str(SHARDS))
    machine.stop_at(lambda extra: machine.start(*night, **extra), point)
    before = machine.computed()
    assert before, "the night had begun"
    machine.nightly()
    assert machine.standings() == undisturbed
    again = {shard for shard, times in machine.computed().items() if times > 1}
    # Only the shard whose transaction died with its process is computed a second time.
    assert again == ({point.rpartition(":")[0]} if point.endswith(":end") else set())


@pytest.mark.rule("NGT-3")
def test_a_night_killed_again_and_again_at_random_moments(
    machine: Machine, undisturbed: bytes
) -> None:
    chance = random.Random(20220801)
    night = ("manage.py", "nightly", "--as-of", DAY, "--shards", str(SHARDS))
    for _ in range(KILLS):
        process = machine.start(*night, NIGHT_SLOW="0.15")
        time.sleep(chance.uniform(0.8, 2.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    machine.nightly()
    assert machine.standings() == undisturbed


@pytest.mark.rule("NGT-3")
@pytest.mark.postgres
def test_a_night_outlives_lost_connections(
    machine: Machine, databases: Databases, undisturbed: bytes
) -> None:
    process = machine.start("manage.py", "nightly", "--as-of", DAY, "--shards", "4", NIGHT_SLOW="1")
    cut = 0
    while process.poll() is None:
        time.sleep(1.1)
        # Starting the night is one transaction and asked for again by whoever starts it.
        if machine.computed() and cut < 5:
            cut += databases.cut_connections(machine)
    assert process.returncode == 0, (machine.folder / "processes.log").read_text()
    assert cut >= 3
    assert machine.standings() == undisturbed


@pytest.mark.rule("NGT-3")
def test_a_second_night_of_the_same_day_leaves_the_same_bytes(
    machine: Machine, undisturbed: bytes
) -> None:
    machine.nightly()
    machine.manage("nightly", "--as-of", DAY, "--shards", "1")
    assert machine.standings() == undisturbed


START_RUN = """
from datetime import date
from portal.nightly import engine, ledger
run = ledger.night_start(as_of=date(2022, 8, 1), jobs=["metrics"], shards=1)
engine.run_advance(run_id=run.pk)
"""
COMPUTE = """
import os, time
from portal.models import ShardRun
from portal.nightly import engine
shard = ShardRun.objects.latest("pk")
time.sleep(max(0, float(os.environ["NIGHT_AT"]) - time.time()))
engine.shard_compute(shard_id=shard.pk)
"""


def _two_workers_on_one_shard(machine: Machine, **extra: str) -> int:
    """Return how often the shard was computed."""
    assert machine.run(START_RUN).wait() == 0
    together = {"NIGHT_AT": str(time.time() + 4), "NIGHT_SLOW": "1.5", **extra}
    workers = [machine.run(COMPUTE, **together) for _ in range(2)]
    for worker in workers:
        worker.wait()
    return machine.computed()["metrics:0"]


@pytest.mark.rule("NGT-3")
def test_two_workers_given_one_shard_compute_it_once(machine: Machine) -> None:
    assert _two_workers_on_one_shard(machine) == 1


@pytest.mark.rule("NGT-3")
@pytest.mark.postgres
def test_without_the_row_lock_both_would_compute_it(machine: Machine) -> None:
    """The control: the test above proves something."""
    assert _two_workers_on_one_shard(machine, NIGHT_UNGUARDED="1") == 2


@pytest.mark.rule("NGT-3")
def test_two_schedulers_in_two_processes_make_one_run(machine: Machine) -> None:
    code = (
        "import os, time\nfrom portal.nightly.schedule import nights_schedule\n"
        "time.sleep(max(0, float(os.environ['NIGHT_AT']) - time.time()))\nnights_schedule()"
    )
    together = {"NIGHT_AT": str(time.time() + 4), "REDIS_URL": "redis://127.0.0.1:1/0"}
    schedulers = [machine.run(code, **together) for _ in range(4)]
    assert [scheduler.wait() for scheduler in schedulers] == [0] * 4
    count = "from portal.models import NightRun\nprint(NightRun.objects.filter(as_of='2022-08-01').count())"
    assert machine.manage("shell", "-v0", "-c", count).split() == [b"1"]


@pytest.mark.rule("NGT-3")
@pytest.mark.redis
def test_a_killed_celery_worker_is_followed_up(machine: Machine, undisturbed: bytes) -> None:
    worker = (
        "-m",
        "celery",
        "-A",
        "portal",
        "worker",
        "-P",
        "solo",
        "-l",
        "ERROR",
        "-Q",
        machine.folder.name,
    )
    queue = {"CELERY_QUEUE": machine.folder.name}
    start = (
        "from datetime import date\nfrom portal.nightly import ledger\n"
        "ledger.night_start(as_of=date(2022, 8, 1), mode='celery', shards=4)"
    )
    assert machine.run(start, **queue).wait() == 0
    machine.stop_at(lambda extra: machine.start(*worker, **queue, **extra), "metrics:1:end")
    second = machine.start(*worker, **queue)
    try:
        machine.manage("nightly", "--as-of", DAY, "--workers", "celery", **queue)
    finally:
        second.terminate()
        second.wait()
    assert machine.standings() == undisturbed
    assert {shard for shard, times in machine.computed().items() if times > 1} == {"metrics:1"}
