"""A shop's webhooks, and a real receiver that listens on this machine."""

from __future__ import annotations

import json
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from portal import platform_time
from portal.models import Seller, WebhookDelivery, WebhookEndpoint, WebhookSubscription
from portal.scoping import unscoped
from portal.services.webhook_events import WebhookDraft, webhook_publish

TYPES = ("certificate.decided", "quote.replied", "score.assessed", "star.assessed")
SALT = "ab" * 32


@dataclass
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> dict[str, Any]:
        return json.loads(self.body)  # type: ignore[no-any-return]


@dataclass
class Receiver:
    """Answers with the statuses it is given, then 200; keeps what came."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    came: list[Received] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thanks"
    before: Callable[[], None] = lambda: None
    """Runs before each answer."""


@contextmanager
def receiver(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Listen on a port of this machine."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            names = {name.lower(): value for name, value in self.headers.items()}
            state.came.append(Received(self.path, names, body))
            status = state.answers.pop(0) if state.answers else 200
            state.before()
            self.send_response(status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    state.url = f"http://127.0.0.1:{server.server_port}/hooks?key=1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def endpoint_create(shop: Seller, url: str = "", **changes: Any) -> WebhookEndpoint:
    """An active endpoint that is told of everything."""
    types = changes.pop("events", TYPES)
    with unscoped():
        endpoint = WebhookEndpoint.objects.create(
            seller=shop,
            url=url or "https://erp.example.com/hooks",
            **{"secret_salt": SALT, **changes},
        )
        WebhookSubscription.objects.bulk_create(
            WebhookSubscription(endpoint=endpoint, type=one) for one in types
        )
    return endpoint


def happened(shop: Seller, key: str = "", type: str = "quote.replied", **data: Any) -> int:
    """Something happened to a shop; return how many events that made."""
    draft = WebhookDraft(
        type=type,
        key=key or uuid.uuid4().hex,
        seller_id=shop.pk,
        occurred_at=platform_time.now(),
        data=data or {"rfq": "R1"},
    )
    return webhook_publish([draft])


def deliveries() -> list[WebhookDelivery]:
    """All of them, oldest first."""
    with unscoped():
        return list(
            WebhookDelivery.objects.select_related("event__seller", "endpoint").order_by("pk")
        )


def told() -> list[tuple[str, str, dict[str, Any]]]:
    """Member id, type and data of all events, oldest first."""
    return [(one.event.seller.member_id, one.event.type, one.event.data) for one in deliveries()]
