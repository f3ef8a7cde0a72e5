"""Settings of the processes that the night's tests start and kill: production's, but for how often beat asks.

| variable | meaning |
|---|---|
| `CELERY_QUEUE` | queue on the broker, where tests share one |
| `NIGHT_BEAT` | seconds between beat's questions about nights and mails; without it production's schedule |
"""

from portal.settings import *  # noqa: F403
from portal.settings import CELERY_BEAT_SCHEDULE as PORTAL_SCHEDULE
from portal.settings import INSTALLED_APPS as PORTAL_APPS

INSTALLED_APPS = [*PORTAL_APPS, "tests.concurrency.night_jobs"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

CELERY_TASK_DEFAULT_QUEUE = env.str("CELERY_QUEUE", default="celery")  # noqa: F405

# What else beat asks for would change what the tests compare, by the wall clock.
CELERY_BEAT_SCHEDULE = {
    name: PORTAL_SCHEDULE[name] for name in ("schedule-nights", "sweep-nights", "sweep-outbox")
}
if _seconds := env.float("NIGHT_BEAT", default=0):  # noqa: F405
    for _entry in CELERY_BEAT_SCHEDULE.values():
        _entry["schedule"] = _seconds
