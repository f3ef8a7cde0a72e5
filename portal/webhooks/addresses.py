"""Which addresses a webhook may go to: public HTTPS ones, and nothing inside (API-1).

A shop chooses the address and our machines call it, so it must never reach what only our machines
reach. The name is resolved here, **every** address it has must be public, and the connection is made to
one that was checked: a name that answers differently a moment later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from portal.choices import DeliveryError
from portal.models.webhooks import MAX_URL

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
DEFAULT_PORTS = {"https": 443, "http": 80}


class AddressRefused(Exception):
    """An address nothing is sent to; the text tells its owner why."""

    def __init__(self, message: str, error: DeliveryError = DeliveryError.ADDRESS) -> None:
        super().__init__(message)
        self.error = error


@dataclass(frozen=True)
class Target:
    """Where a request goes, as its address says."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query."""


def read_url(url: str) -> Target:
    """Return where an address leads, without looking its name up. Raises `AddressRefused`."""
    parts = _split(url)
    local = settings.WEBHOOK_ALLOW_LOCAL
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise AddressRefused(_("The address has to begin with https://."))
    if "@" in parts.netloc:
        raise AddressRefused(_("Leave user name and password out of the address."))
    if "#" in url:
        raise AddressRefused(_("Leave out what follows “#”: it is never sent."))
    host, port = parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
    if not host or "%" in host or len(host) > 253:
        raise AddressRefused(_("The address has no host name."))
    if not local and port not in settings.WEBHOOK_PORTS:
        ports = ", ".join(map(str, settings.WEBHOOK_PORTS))
        raise AddressRefused(_("Only these ports are allowed: %(ports)s.") % {"ports": ports})
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL:
        text = _("The address is longer than %(most)d characters.")
        raise AddressRefused(text % {"most": MAX_URL})
    # Whitespace and control characters are read differently by every parser there is.
    if not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}'):
        raise AddressRefused(
            _(
                "Use ASCII characters only, without spaces or backslashes: encode others in the path,"
                " and write the host name as xn--…."
            )
        )
    try:
        parts = urlsplit(url)
        _port = parts.port  # raises for what is no number
    except ValueError as error:
        raise AddressRefused(_("This is not an address.")) from error
    return parts


def resolve(target: Target) -> list[str]:
    """Return the addresses of a target's host, all of them checked. Raises `AddressRefused`.

    One that is not public condemns the name: which of several is used must not be left to chance.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        text = _("The host name “%(host)s” is not known.") % {"host": target.host}
        raise AddressRefused(text, DeliveryError.UNKNOWN_HOST) from error
    addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
    if not settings.WEBHOOK_ALLOW_LOCAL and not all(is_public(one) for one in addresses):
        text = _("“%(host)s” is not on the public internet: nothing is sent there.")
        raise AddressRefused(text % {"host": target.host})
    return addresses


def is_public(address: str) -> bool:
    """Tell whether an IP address is on the public internet, whatever it may be wrapped in.

    Loopback, private, link-local (the metadata services of clouds), shared, multicast and reserved
    ranges are not; nor is an IPv6 address that carries such an IPv4 one.
    """
    try:
        found: IPAddress = ipaddress.ip_address(address)
    except ValueError:
        return False  # with a zone, or none at all
    inside = [found, *_carried(found)]
    return all(
        one.is_global and not (one.is_multicast or one.is_reserved or _is_site_local(one))
        for one in inside
    )


def _is_site_local(address: IPAddress) -> bool:
    return isinstance(address, ipaddress.IPv6Address) and address.is_site_local


def _carried(address: IPAddress) -> list[IPAddress]:
    """Return the IPv4 addresses inside an IPv6 one: mapped, 6to4, Teredo's server and client."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    return [one for one in carried if one is not None]
