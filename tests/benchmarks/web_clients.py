"""The portal's real web server, as `manage.py serve` starts it, and clients that ask it at once."""

from __future__ import annotations

import http.client
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from portal import supervisor
from tests.servers import free_port, start_valkey

WORKERS = 2
"""Web processes, the default of `manage.py serve`; each has the threads of `portal.gunicorn_conf`."""


@contextmanager
def web_server() -> Iterator[int]:
    """Yield the port of a running server with a broker for its cache, on the connected database."""
    valkey, port = start_valkey(), free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.bare_settings",
        "REDIS_URL": valkey.url,
        "STATEMENT_TIMEOUT": "30s",
    }
    process = subprocess.Popen(
        list(supervisor.web("127.0.0.1", port, WORKERS).command), env=environment
    )
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)
        valkey.stop()


def _await(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/bare/", timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the web server does not answer")


@dataclass
class Asked:
    """What clients were answered: seconds of each request, and how long all of them took."""

    seconds: list[float] = field(default_factory=list)
    whole: float = 0.0

    @property
    def per_second(self) -> float:
        """Requests answered a second, all clients together."""
        return len(self.seconds) / self.whole


def ask(port: int, address: str, cookie: str, *, clients: int, seconds: float) -> Asked:
    """Let so many clients ask for one page, each again as soon as it is answered, on kept connections.

    An answer other than 200 stops the benchmark.
    """
    found, wrong = Asked(), list[object]()
    began = time.perf_counter()
    until = began + seconds

    def client() -> None:
        link, times = http.client.HTTPConnection("127.0.0.1", port, timeout=60), list[float]()
        try:
            while not wrong and (started := time.perf_counter()) < until:
                link.request("GET", address, headers={"Cookie": cookie})
                response = link.getresponse()
                response.read()
                if response.status != 200:
                    wrong.append(response.status)
                times.append(time.perf_counter() - started)
        except OSError as error:
            wrong.append(error)
        finally:
            link.close()
            found.seconds += times

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.whole = time.perf_counter() - began
    if wrong:
        raise SystemExit(f"{address}: {wrong[:3]}")
    return found
