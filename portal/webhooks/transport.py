"""One POST to an address of a shop: bounded in time and size, to the address that was checked (API-1).

No redirect is followed, no proxy and no credentials of the environment are used, and what comes back
is read up to a few thousand bytes. Nothing here raises for what a receiver does.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from portal.choices import DeliveryError
from portal.models.webhooks import MAX_EXCERPT
from portal.webhooks.addresses import DEFAULT_PORTS, AddressRefused, Target, read_url, resolve

CONNECT_SECONDS = 5
SILENT_SECONDS = 10
"""Longest silence of a receiver."""
TOTAL_SECONDS = 15
"""Longest time of all, for receivers that answer a byte at a time."""
MAX_ANSWER = 4096
MAX_ADDRESSES = 2


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt; `error` is empty when the receiver answered 2xx."""

    error: str = ""
    status: int | None = None
    excerpt: str = ""
    seconds: float = 0.0


def post(url: str, *, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Send a body to an address and tell what came of it."""
    started = time.monotonic()
    try:
        target = read_url(url)
        addresses = resolve(target)
        status, answer = _exchange(target, addresses, headers, body)
    except AddressRefused as refused:
        return Outcome(refused.error, excerpt=str(refused), seconds=time.monotonic() - started)
    except ssl.SSLError as error:
        return _failed(DeliveryError.TLS, error, started)
    except TimeoutError as error:
        return _failed(DeliveryError.TIMEOUT, error, started)
    except OSError as error:
        return _failed(DeliveryError.CONNECTION, error, started)
    except (http.client.HTTPException, ValueError) as error:
        return _failed(DeliveryError.ANSWER, error, started)
    return Outcome(_error_of(status), status, _readable(answer), time.monotonic() - started)


def _failed(kind: DeliveryError, error: Exception, started: float) -> Outcome:
    took = time.monotonic() - started
    if took >= TOTAL_SECONDS:
        kind = DeliveryError.TIMEOUT  # cut off by us, whatever that looked like
    text = f"{type(error).__name__}: {error}"
    return Outcome(kind, excerpt=_readable(text.encode()), seconds=took)


def _error_of(status: int) -> str:
    if 200 <= status < 300:
        return ""
    return DeliveryError.REDIRECT if 300 <= status < 400 else DeliveryError.STATUS


def _readable(answer: bytes) -> str:
    """Return the beginning of an answer as one line of text that any database holds."""
    text = answer.decode("utf-8", "replace")
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.split())[:MAX_EXCERPT]


def _exchange(
    target: Target, addresses: list[str], headers: Mapping[str, str], body: bytes
) -> tuple[int, bytes]:
    connection = _Pinned(target, addresses[:MAX_ADDRESSES])
    watchdog = threading.Timer(TOTAL_SECONDS, connection.cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.request("POST", target.path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return response.status, _beginning(response)
    finally:
        watchdog.cancel()
        connection.close()


def _beginning(response: http.client.HTTPResponse) -> bytes:
    """Read the beginning of an answer; its status counts, whatever becomes of the rest."""
    try:
        return response.read(MAX_ANSWER)
    except (OSError, http.client.HTTPException, ValueError):
        return b""


class _Pinned(http.client.HTTPConnection):
    """A connection to addresses that were checked, under the name they were found by."""

    def __init__(self, target: Target, addresses: list[str]) -> None:
        super().__init__(target.host, target.port, timeout=SILENT_SECONDS)
        self.default_port = DEFAULT_PORTS[target.scheme]
        self.secure = target.scheme == "https"
        self.addresses = addresses
        self.was_cut = False

    def connect(self) -> None:
        """Connect to the first address that answers."""
        self.sock = self._reach()
        self.sock.settimeout(SILENT_SECONDS)
        if self.secure:
            wrapped = tls_context().wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock = wrapped
            wrapped.do_handshake()

    def _reach(self) -> socket.socket:
        for place, address in enumerate(self.addresses, start=1):
            try:
                return socket.create_connection((address, self.port), timeout=CONNECT_SECONDS)
            except OSError:
                if place == len(self.addresses) or self.was_cut:
                    raise
        raise OSError("the name has no address")

    def cut(self) -> None:
        """End the exchange from outside: whoever waits for the socket wakes up with an error."""
        self.was_cut = True
        if self.sock is not None:
            # The plain one: that of TLS would wait for the other side. It may be over already.
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def tls_context() -> ssl.SSLContext:
    """Return how receivers are recognised: by the authorities this machine trusts."""
    return ssl.create_default_context()
