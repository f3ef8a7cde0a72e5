"""`manage.py night_play STEPS`: several steps in one process; STEPS is a JSON list, run in order.

| step | does |
|---|---|
| `["world", seed, day, shops, {options of night_world.build}]` | build a world |
| `["late"]` | feed its late facts |
| `["night", day, [jobs], shards]` | compute a day, by the clock of its night unless `now` was said |
| `["now", instant]` | live at an instant from now on; empty: by the clock of each night again |
| `["standings", day, file]` | write the standings of a day |
| `["mails"]` | send every mail that has not gone out, whoever has claimed it |
| `["effects", file, portable]` | write everything else the database holds |
"""

import json
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from portal.choices import MailState
from portal.models import Notice
from portal.nightly.export import standing_lines
from portal.platform_time import parse_instant
from portal.scoping import unscoped
from portal.services.notices import notice_outbox_sweep
from tests.concurrency import night_effects, night_world
from tests.concurrency.night_facts import World


class Command(BaseCommand):
    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("steps")

    def handle(self, *args: Any, **options: Any) -> None:
        self.instant = ""
        for name, *values in json.loads(options["steps"]):
            getattr(self, f"play_{name}")(*values)

    def play_world(self, seed: int, day: str, shops: int, options: Any = None) -> None:
        self.world = World(seed, date.fromisoformat(day), shops)
        # What migrations wrote has the wall clock in it: it is no part of what two databases have alike.
        self.shipped = Counter(night_effects.effect_lines(portable=True))
        night_world.build(self.world, **(options or {}))

    def play_late(self) -> None:
        with night_world.living_at(night_world.night_begins(self.world.day)):
            night_world.feed_late(self.world)

    def play_now(self, instant: str) -> None:
        self.instant = instant

    def play_night(self, day: str, jobs: Any = (), shards: int | None = None) -> None:
        as_of = date.fromisoformat(day)
        at = parse_instant(self.instant) if self.instant else night_world.night_begins(as_of)
        with night_world.living_at(at):
            night_world.night(as_of, *jobs, shards=shards)

    def play_standings(self, day: str, file: str) -> None:
        lines = standing_lines(date.fromisoformat(day))
        Path(file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def play_mails(self) -> None:
        with unscoped():
            while Notice.objects.filter(mail_state=MailState.PENDING).exists():
                notice_outbox_sweep()
                time.sleep(0.05)

    def play_effects(self, file: str, portable: bool = False) -> None:
        lines = night_effects.effect_lines(portable=portable)
        if portable:
            lines = sorted((Counter(lines) - self.shipped).elements())
        Path(file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
