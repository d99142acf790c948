"""Servers that say byte for byte what a test wants, on loopback, and a certificate for them."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from urllib3.util.wait import wait_for_read

from channels_app.lib.http import sockets, wire

LONG_S = 30  # a server's patience: whoever waits for it has no deadline


@dataclass
class Request:
    head: str
    body: bytes

    def header(self, name: str) -> str | None:
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return next((value for key, _, value in lines if key.lower() == name), None)


class Visit:
    """One connection to our server."""

    def __init__(self, server: "Server", sock: socket.socket, number: int) -> None:
        self.server, self.sock, self.number = server, sock, number
        self.file = sock.makefile("rb")

    def read(self) -> Request | None:
        """The next request, or None when the other side has closed."""
        lines = []
        while (line := self.file.readline()) not in (b"", b"\r\n"):
            lines.append(line.decode("latin-1").rstrip("\r\n"))
        if not lines:
            return None
        request = Request("\r\n".join(lines), b"")
        request.body = self.file.read(int(request.header("content-length") or 0))
        self.server.requests.append(request)
        return request

    def answer(self, body: bytes = b'{"ok": true}', status: str = "200 OK", **headers: str) -> None:
        headers = {"Content_Length": str(len(body)), **headers}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.sock.sendall(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)

    def drip(self, piece: bytes) -> None:
        """A piece every few milliseconds, until the other side has had enough."""
        for _ in range(LONG_S * 50):
            self.sock.sendall(piece)
            time.sleep(0.02)
        self.server.patience_ended = True

    def wait(self, seconds: float) -> bool:
        time.sleep(seconds)
        self.server.patience_ended = True
        return True

    def sip(self) -> None:
        """Reads so slowly that a large request takes for ever."""
        while self.sock.recv(65_536):
            time.sleep(0.02)
        self.server.patience_ended = True

    def leave(self) -> None:
        """Closes while the next request is arriving, and reads nothing of it."""
        wait_for_read(self.sock, timeout=LONG_S)
        self.close()

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        self.file.close()
        self.sock.close()


class Server:
    """What it does on a connection is a function of the test's."""

    def __init__(self, behave: Callable[[Visit], object], context: ssl.SSLContext | None = None) -> None:
        self.behave, self.context = behave, context
        self.requests: list[Request] = []
        self.connections = 0
        self.patience_ended = False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Closing alone would leave a thread waiting, by a number that the next server's socket has."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            sock = self.context.wrap_socket(sock, server_side=True) if self.context else sock
            visit = Visit(self, sock, number)
            try:
                self.behave(visit)
            finally:
                visit.close()
        except OSError:
            sock.close()


def polite(visit: Visit) -> None:
    while visit.read():
        visit.answer()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Starts servers. However busy the machine is, a connection to them is not too old to be used again, and one that
    closes at once does so in time."""
    monkeypatch.setattr(wire, "KEEP_ALIVE_S", LONG_S)
    monkeypatch.setattr(sockets, "RACE_S", LONG_S)
    servers: list[Server] = []

    def start(behave: Callable[[Visit], object], context: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(behave, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@dataclass
class Authority:
    context: ssl.SSLContext
    pem: str
    names: list[str | None]


def make_certificate() -> str:
    """One for bot.test and 127.0.0.1, which vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bot.test")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("bot.test"), x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (private + certificate.public_bytes(serialization.Encoding.PEM)).decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A server's context with a certificate for bot.test and 127.0.0.1, and the file that vouches for it."""
    pem = tmp_path_factory.mktemp("tls") / "bot.pem"
    pem.write_text(make_certificate())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    seen: list[str | None] = []
    context.sni_callback = lambda sock, name, context: seen.append(name)
    return Authority(context, str(pem), seen)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    monkeypatch.setattr("certifi.where", lambda: authority.pem)
    wire.forget_adapters()
    authority.names.clear()
    yield authority
    wire.forget_adapters()
