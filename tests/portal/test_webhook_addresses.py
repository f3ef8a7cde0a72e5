"""Where webhooks may go, and that they go nowhere else (API-1)."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from portal.choices import DeliveryError
from portal.webhooks import addresses, transport
from portal.webhooks.addresses import AddressRefused, is_public, read_url, resolve
from tests.portal.webhook_world import Receiver, receiver

pytestmark = pytest.mark.rule("API-1")

PUBLIC = "93.184.215.14"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to; addresses are what they are."""
    table: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        if host[-1].isdigit():
            return real(host, port, *args, **options)
        if host not in table:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(0, 0, 0, "", (address, port)) for address in table[host]]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", getaddrinfo)
    return table


# --- Addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://erp.example.com/",
        "ftp://erp.example.com/",
        "//erp.example.com/",
        "erp.example.com",
        "https://",
        "https:///path",
        "https://user@erp.example.com/",
        "https://user:word@erp.example.com/",
        "https://erp.example.com@127.0.0.1/",
        "https://erp.example.com:22/",
        "https://erp.example.com:80/",
        "https://erp.example.com:0x1bb/",
        "https://erp.example.com:99999/",
        "https://erp.example.com/#part",
        "https://erp.example.com/a b",
        "https://erp.example.com\\@127.0.0.1/",
        "https://erp.example.com/\r\nHost: inside",
        "https://erp.example.com/\x00",
        "https://erp.example.com/\t",
        "https://例子.example.com/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://erp.example.com/" + "x" * 500,
        "",
    ],
)
def test_what_is_no_address_for_a_webhook(url: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        read_url(url)
    assert str(refused.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://ERP.example.com", "erp.example.com", 443, "/"),
        ("https://erp.example.com:8443/a?b=c", "erp.example.com", 8443, "/a?b=c"),
        ("https://xn--fsqu00a.example/%E4%BE%8B", "xn--fsqu00a.example", 443, "/%E4%BE%8B"),
    ],
)
def test_what_is_one(url: str, host: str, port: int, path: str) -> None:
    target = read_url(url)
    assert (target.scheme, target.host, target.port, target.path) == ("https", host, port, path)


INSIDE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1",
    "2001:0:a00:1::", "100::1", "nonsense", "",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_nothing_inside_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "172.32.0.1", "2606:2800:21f::1"])
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "localhost.", "[::1]"],
)
def test_names_of_this_machine_however_they_are_written(host: str) -> None:
    """By the real resolver."""
    with pytest.raises(AddressRefused):
        resolve(read_url(f"https://{host}/"))


def test_one_private_address_among_public_ones_condemns_the_name(
    names: dict[str, list[str]],
) -> None:
    names["erp.example.com"] = [PUBLIC]
    assert resolve(read_url("https://erp.example.com/")) == [PUBLIC]
    names["erp.example.com"] = [PUBLIC, "10.0.0.1"]
    with pytest.raises(AddressRefused, match="public internet"):
        resolve(read_url("https://erp.example.com/"))
    with pytest.raises(AddressRefused, match="not known"):
        resolve(read_url("https://nowhere.example.com/"))


def test_a_name_that_answers_differently_a_moment_later_is_connected_to_where_it_was_checked(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when checked, this machine when connected to."""
    reached: list[Any] = []

    def connect(address: Any, timeout: float) -> socket.socket:
        reached.append(address)
        names["erp.example.com"] = ["127.0.0.1"]
        raise ConnectionRefusedError

    names["erp.example.com"] = [PUBLIC, "8.8.8.8"]
    monkeypatch.setattr(transport.socket, "create_connection", connect)
    outcome = transport.post("https://erp.example.com/", headers={}, body=b"{}")
    assert outcome.error == DeliveryError.CONNECTION
    assert reached == [(PUBLIC, 443), ("8.8.8.8", 443)]
    # The next attempt checks anew.
    outcome = transport.post("https://erp.example.com/", headers={}, body=b"{}")
    assert outcome.error == DeliveryError.ADDRESS
    assert len(reached) == 2


def test_nothing_on_this_machine_is_sent_anything(settings: Any) -> None:
    with receiver() as local:
        port = int(local.url.split(":")[2].split("/")[0])
        settings.WEBHOOK_PORTS = [port]
        outcome = transport.post(f"https://127.0.0.1:{port}/", headers={}, body=b"{}")
        assert outcome.error == DeliveryError.ADDRESS
        assert local.came == []
        # The control: with the setting for trying out, it is.
        settings.WEBHOOK_ALLOW_LOCAL = True
        assert transport.post(local.url, headers={}, body=b"{}").error == ""
        assert len(local.came) == 1


# --- Exchanges ----------------------------------------------------------------------------------


@pytest.fixture
def local(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_LOCAL = True
    with receiver() as listening:
        yield listening


def post(url: str) -> transport.Outcome:
    return transport.post(url, headers={"webhook-id": "evt_1"}, body=b'{"a":1}')


def test_what_is_sent_and_told(local: Receiver) -> None:
    local.body = b"got\x00 it\n" + b"x" * 100_000
    outcome = post(local.url)
    assert (outcome.error, outcome.status) == ("", 200)
    assert outcome.excerpt.startswith("got it xxx")
    assert len(outcome.excerpt) == 500
    (came,) = local.came
    assert came.path == "/hooks?key=1"
    assert came.body == b'{"a":1}'
    assert came.headers["webhook-id"] == "evt_1"
    assert came.headers["host"] == local.url.split("/")[2]


@pytest.mark.parametrize(
    ("status", "error"),
    [(204, ""), (299, ""), (302, "redirect"), (400, "status"), (410, "status"), (503, "status")],
)
def test_only_2xx_is_delivered_and_no_redirect_is_followed(
    local: Receiver, status: int, error: str
) -> None:
    local.answers = [status]
    local.headers = {"Location": local.url}
    local.body = b""
    outcome = post(local.url)
    assert (outcome.status, outcome.error) == (status, error)
    assert len(local.came) == 1


@pytest.fixture
def raw(settings: Any) -> Iterator[Any]:
    """A socket that listens and answers with what a function writes."""
    settings.WEBHOOK_ALLOW_LOCAL = True
    server = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(answer: Any) -> str:
        def once() -> None:
            link, _address = server.accept()
            with link:
                link.recv(65536)
                answer(link)

        thread = threading.Thread(target=once, daemon=True)
        threads.append(thread)
        thread.start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/"

    yield serve
    server.close()
    for thread in threads:
        thread.join(timeout=5)


def test_an_answer_that_is_none(raw: Any) -> None:
    assert post(raw(lambda link: link.sendall(b"SSH-2.0-x\r\n\r\n"))).error == DeliveryError.ANSWER
    assert post(raw(lambda link: None)).error == DeliveryError.CONNECTION


def test_a_status_counts_whatever_becomes_of_the_body(raw: Any) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense"
    outcome = post(raw(lambda link: link.sendall(answer)))
    assert (outcome.status, outcome.error, outcome.excerpt) == (200, "", "")


def test_a_receiver_that_is_silent_is_left(raw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SILENT_SECONDS", 0.2)
    done = threading.Event()
    assert post(raw(lambda link: done.wait(5))).error == DeliveryError.TIMEOUT
    done.set()


@pytest.mark.parametrize(
    ("begins", "error"), [(b"HTTP/1.1 20", DeliveryError.TIMEOUT), (b"HTTP/1.1 200 OK\r\nX: ", "")]
)
def test_a_receiver_that_dribbles_is_left(
    raw: Any, monkeypatch: pytest.MonkeyPatch, begins: bytes, error: str
) -> None:
    """It is never silent for long; only the time in all ends it. What it said before counts."""
    monkeypatch.setattr(transport, "TOTAL_SECONDS", 0.3)
    stop = threading.Event()

    def dribble(link: socket.socket) -> None:
        with suppress(OSError):
            link.sendall(begins)
            while not stop.wait(0.05):
                link.sendall(b"0")

    outcome = post(raw(dribble))
    stop.set()
    assert outcome.error == error
    assert 0.3 <= outcome.seconds < 5


# --- TLS ----------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for a name, signed by itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day.replace(year=2120))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert, secret


def test_a_certificate_has_to_be_trusted_and_for_the_name(
    settings: Any, names: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is checked although the connection is made to an address."""
    settings.WEBHOOK_ALLOW_LOCAL = True
    cert, key = certificate(tmp_path, "erp.example.com")
    names["erp.example.com"] = names["other.example.com"] = ["127.0.0.1"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with receiver(tls=context) as local:
        port = local.url.split(":")[2].split("/")[0]
        address = f"https://erp.example.com:{port}/"
        assert post(address).error == DeliveryError.TLS
        trusting = ssl.create_default_context(cafile=str(cert))
        monkeypatch.setattr(transport, "tls_context", lambda: trusting)
        assert post(address).status == 200
        assert post(address.replace("erp.", "other.")).error == DeliveryError.TLS
        assert len(local.came) == 1
        assert local.came[0].headers["host"] == f"erp.example.com:{port}"
