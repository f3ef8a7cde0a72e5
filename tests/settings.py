"""Settings of a test run: the portal's own, on servers that belong to the run.

- `PORTAL_TEST_DB=postgres` starts PostgreSQL and Valkey for the run; so does nothing else.
- `DATABASE_URL` and `REDIS_URL`, when set, name servers to use instead.
- Without any of them the run is on SQLite in memory and needs no broker.

The first process to come here starts the servers and passes their addresses on in the environment;
the workers of a distributed run inherit them, each with its own database, cache and folder.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests import migrated, servers

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

if not WORKER and os.environ.get("PORTAL_TEST_DB") == "postgres":
    if not os.environ.get("DATABASE_URL"):
        _postgres = servers.start_postgres()
        atexit.register(_postgres.stop)
        os.environ["DATABASE_URL"] = _postgres.url
    if not os.environ.get("REDIS_URL"):
        _valkey = servers.start_valkey()
        atexit.register(_valkey.stop)
        os.environ["REDIS_URL"] = _valkey.url
        os.environ["PORTAL_TEST_OWN_BROKER"] = "1"

# Nothing of a test run lands in the developer's var/.
if WORKER:
    os.environ["VAR_DIR"] = str(Path(os.environ["PORTAL_TEST_VAR"]) / WORKER)
else:
    os.environ["PORTAL_TEST_VAR"] = os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="portal-test-")
    atexit.register(shutil.rmtree, os.environ["PORTAL_TEST_VAR"], ignore_errors=True)
    if not os.environ.get("PORTAL_TEST_MIGRATED"):
        atexit.register(migrated.forget)

os.environ.pop("PORTAL_NOW", None)
os.environ.pop("PORTAL_DEMO", None)
os.environ["STAFF_MFA_REQUIRED"] = "0"
os.environ["STATIC_MANIFEST"] = "0"
os.environ["HTTPS"] = "0"
os.environ["CELERY_TASK_ALWAYS_EAGER"] = "1"
os.environ["THROTTLE_ANON"] = os.environ["THROTTLE_USER"] = "1000000/min"
os.environ["EMAIL_URL"] = "memorymail://"

from portal.settings import *  # noqa: E402, F403
from portal.settings import CACHES, LOGGING, STATIC_ROOT  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES["default"]["KEY_PREFIX"] = f"portal-test-{WORKER}"
if os.environ.get("PORTAL_TEST_OWN_BROKER"):
    # Clearing a Redis cache empties its whole database: never the one that holds another worker's
    # queues. The run's own server has 16.
    _number = int(WORKER.removeprefix("gw") or 0) % 15 + 1
    CACHES["default"]["LOCATION"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{_number}"
LOGGING["root"]["level"] = "WARNING"
# Static files are looked up when asked for: listing them anew for every test's client takes longer than
# most requests.
WHITENOISE_AUTOREFRESH = True
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
