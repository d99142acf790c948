"""Where a call may go: the form of a URL, and the addresses behind its host name."""

import re
import socket
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self
from urllib.parse import quote, urlsplit

import idna

from channels_app.codes import describe
from channels_app.protocol.errors import ConfigError

HOST = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,252}")
UNWANTED = re.compile(r"[\x00-\x20\x7f\\]")  # what URL readers disagree about
URLS_KEPT = 512  # parsed: those of bots and inboxes, and of current conversations
MAX_KEPT_URL = 2_000  # characters; a file's address may have many more, and comes once
KEPT = "/%:@!$&'()*+,;=~"  # what a path may hold as it is; "%", because the caller has quoted its own parts

IPV4_NETWORK, IPV6_NETWORK = 24, 48  # bits: what one sender usually has
INTERNAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home", ".home.arpa")
"""Names that mean nothing on the internet, or something different on each network."""
WEB = re.compile(r"(https?):(//[^/?#\\]*)(.*)", re.IGNORECASE | re.DOTALL)
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?!\d)", re.IGNORECASE)  # "host:80" has none
UNOPENED = frozenset({"about", "blob", "cid", "content", "data", "file", "filesystem", "javascript", "vbscript"})
"""Schemes that open nothing on another device, or run code there."""
MAX_DATA_NAME = 60
"""Characters of what a `data:` address says of its type."""
STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

GLOBAL_UNICAST = ip_network("2000::/3")
NAT64 = ip_network("64:ff9b::/96")
# Python's ipaddress calls these global, or did in some version.
REFUSED = (
    ip_network("192.0.0.0/24"),  # protocol assignments; metadata of some clouds
    ip_network("192.88.99.0/24"),  # former 6to4 relays
    ip_network("168.63.129.16/32"),  # Azure's host as its guests see it
    ip_network("2001::/23"),  # protocol assignments; Teredo
    ip_network("3fff::/20"),  # documentation
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is global unicast; an IPv4 address inside an IPv6 address counts as itself."""
    if isinstance(address, IPv6Address):
        in_nat64 = IPv4Address(int(address) & 0xFFFF_FFFF) if address in NAT64 else None
        inner = address.ipv4_mapped or address.sixtofour or in_nat64
        if inner is not None:
            return is_public(inner)
        if address not in GLOBAL_UNICAST:
            return False
    is_special = address.is_multicast or address.is_reserved or any(address in network for network in REFUSED)
    return address.is_global and not is_special


def network_of(address: str) -> str:
    """The /24 or /48 around an address: enough to recognise a sender by, and no person's. Empty for no address."""
    try:
        found = ip_address(address.strip())
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    prefix = IPV4_NETWORK if found.version == 4 else IPV6_NETWORK
    return str(ip_network((found, prefix), strict=False))


@dataclass(frozen=True, slots=True)
class AllowList:
    """Internal hosts that may be called although nothing internal may."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Host names, addresses and networks; ConfigError names an entry that is none of these."""
        hosts, networks = set(), []
        for entry in (entry.strip().lower().strip("[]") for entry in entries):
            try:
                networks.append(ip_network(entry, strict=False))
            except ValueError:
                if not HOST.fullmatch(entry):
                    raise ConfigError(
                        f"ALLOWED_PRIVATE_HOSTS: {entry!r} is neither a host name nor a network."
                    ) from None
                hosts.add(entry)
        return cls(frozenset(hosts), tuple(networks))

    def permits(self, host: str, address: IPv4Address | IPv6Address) -> bool:
        return host in self.hosts or any(address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts that are safe to put into a request; without user info and fragment."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    @staticmethod
    def parse(url: str) -> "Target":
        """Raises ValueError with a sentence for people, which doesn't repeat the URL."""
        return _kept_target(url) if len(url) <= MAX_KEPT_URL else _target(url)

    @property
    def without_query(self) -> str:
        """The URL for people: its query may hold a token."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{f':{self.port}' if self.port else ''}{self.path}"


def _target(url: str) -> Target:
    if UNWANTED.search(url):
        raise ValueError("The URL contains a space, a line break or a backslash.")
    try:
        parts = urlsplit(url)
        host, port = _ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        raise ValueError("The URL's host or port is not valid.") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("The URL must begin with https:// or http://.")
    if "@" in parts.netloc:
        raise ValueError("The URL must not contain a user name or a password.")
    if not host:
        raise ValueError("The URL has no host.")
    if port == 0:
        raise ValueError("The URL's host or port is not valid.")
    path = quote(parts.path or "/", safe=KEPT, errors="replace")
    return Target(parts.scheme, host, port, path, quote(parts.query, safe=KEPT + "?", errors="replace"))


_kept_target = lru_cache(maxsize=URLS_KEPT)(_target)


def _ascii_host(host: str) -> str:
    """The host as DNS knows it. Raises ValueError when it can't be one."""
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode()
    if ":" in host and "%" not in host:  # "%" is a zone, which only means something on this machine
        return str(IPv6Address(host))
    if host and not HOST.fullmatch(host):
        raise ValueError(host)
    return host


def public_url_problem(url: str) -> str | None:
    """What is wrong with a URL's form, in a sentence for a form; its host is not looked up."""
    try:
        Target.parse(url)
    except ValueError as error:
        return str(error)
    return None


def web_address(url: str, *, is_literal: bool = False) -> str:
    """A URL as bots write it, made fit to be called: as a browser reads it, or `is_literal`, with all that is odd in
    it as part of its path.

    A browser leaves tabs and line breaks out, takes a backslash for a slash, and what follows "#" for a place in the
    page. Raises ValueError with a sentence.
    """
    text = url.strip()
    found = WEB.fullmatch(text if is_literal else re.sub(r"[\t\r\n]", "", text))
    if not found:
        raise ValueError("The URL must begin with https:// or http://.")
    scheme, host, rest = found.groups()
    if not is_literal:
        path = re.split(r"[?#]", rest, maxsplit=1)[0]
        rest = path.replace("\\", "/") + rest[len(path) :]
    rest = quote(STRAY_PERCENT.sub("%25", rest), safe=KEPT + ("?" if is_literal else "?#"), errors="replace")
    address = f"{scheme.lower()}:{host}{rest}"
    Target.parse(address)
    return address


def is_internal_host(host: str) -> bool:
    """Whether a host means nothing on the internet, as far as its form tells."""
    try:
        return not is_public(ip_address(host.strip("[]")))
    except ValueError:
        name = host.rstrip(".").lower()
        last = name.rpartition(".")[2]  # of digits: an address in one of its odd forms
        return "." not in name or last.isdigit() or last.startswith("0x") or name.endswith(INTERNAL_NAMES)


def is_link(url: str) -> bool:
    """Whether a contact could open it, as far as its form tells: not `file:`, not relative, nothing internal, and
    without a password."""
    scheme = SCHEME.match(url.strip())
    if scheme and scheme[1].lower() not in ("http", "https"):
        return scheme[1].lower() not in UNOPENED
    try:  # "www.example.com" is one too
        return not is_internal_host(Target.parse(web_address(url if scheme else f"https://{url.strip()}")).host)
    except ValueError:
        return False


def holds_data(url: str) -> bool:
    """Whether it is a `data:` address, which holds what others only name."""
    return url.lstrip()[:5].lower() == "data:"


def shown_address(url: str) -> str:
    """An address for operators and agents: not the content of a `data:` address, and no password."""
    if holds_data(url):
        return url.strip().partition(",")[0][:MAX_DATA_NAME]
    return re.sub(r"^([^/?#]*//)[^/?#]*@", r"\1", url)


def resolve(host: str) -> list[str]:
    """The addresses of a host name, as the system knows them."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def reachable_addresses(host: str, allowed: AllowList, timeout_s: float) -> list[str]:
    """The addresses of `host` that may be called; ConfigError when all are internal. OSError when it has none."""
    try:
        found = [str(ip_address(host))]
    except ValueError:
        found = _resolve_in_time(host, timeout_s)
    reachable = [text for text in found if is_public(ip_address(text)) or allowed.permits(host, ip_address(text))]
    if found and not reachable:
        raise ConfigError(describe("CB-103", host=host))
    return reachable


def _resolve_in_time(host: str, timeout_s: float) -> list[str]:
    """`resolve` in a thread of its own, because the system's resolver knows no deadline."""
    answer: Future[list[str]] = Future()

    def ask() -> None:
        try:
            answer.set_result(resolve(host))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    return answer.result(timeout_s)
